"""One PostgreSQL connection over asyncpg, used synchronously from one thread and cancelled from any."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Coroutine, Iterable, Iterator, Mapping
from concurrent.futures import CancelledError as FutureCancelled
from concurrent.futures import wait
from functools import cache
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, TypeVar

from sync_provider.core.contracts import ConnectionInfo
from sync_provider.core.errors import ContractError
from sync_provider.core.systems.postgres.connect import connect
from sync_provider.core.systems.postgres.copy import BlockFeed, BlockSink
from sync_provider.core.systems.postgres.errors import classify, stopped, where
from sync_provider.core.systems.postgres.loop import LoopThread, loop_thread

if TYPE_CHECKING:
    import asyncpg
    import sqlalchemy as sa
    from sqlalchemy.engine import Dialect

T = TypeVar("T")

#: after a cancel or on close the server has this long to answer before the socket is cut
_GRACE_S = 1.5
#: how long a signal may go unnoticed while we wait for the server
_LOOK_S = 0.2
_COUNT = re.compile(r"(\d+)$")


class PgSession:
    """A `Session` on PostgreSQL, with COPY in both directions.

    Args:
        info: the connection; host, port, login, password, schema (database) and, from extra, `sslmode` and its
            files, `connect_timeout`, `options`.
        interface: shown in pg_stat_activity as `sync-provider <interface>`.
        settings: server settings over the default ones; see `connect.SETTINGS`.

    Raises:
        ConnectError: nobody answers. AuthenticationError: the login is refused. ConfigError: no such database.
    """

    dialect = "postgresql"

    def __init__(self, info: ConnectionInfo, *, interface: str = "", settings: Mapping[str, str] | None = None) -> None:
        self._info = info
        self._pid = os.getpid()
        self._loop: LoopThread = loop_thread()
        self._stopped = False
        self._task: asyncio.Task[Any] | None = None
        self._sink: BlockSink | None = None
        self._stopping: asyncio.Task[None] | None = None
        self._backend = ""
        self._connection: asyncpg.Connection | None = None
        self._connection = self._wait(connect(info, interface, settings or {}))

    def run(self, statement: sa.Executable) -> int:
        """Execute and return the server's row count (-1 where it tells none)."""
        sql, values = _compiled(statement)
        return _count(self._wait(self._open.execute(sql, *values)))

    def rows(self, statement: sa.Executable) -> list[dict[str, Any]]:
        """Execute and return the rows; datetimes are aware UTC."""
        sql, values = _compiled(statement)
        return [dict(record) for record in self._wait(self._open.fetch(sql, *values))]

    def script(self, sql: str) -> None:
        """Execute plain SQL text of our own making (DDL, SET)."""
        self._wait(self._open.execute(sql))

    def execute(self, sql: str) -> int:
        """Execute plain SQL text of our own making and return the server's row count (-1 where it tells none)."""
        return _count(self._wait(self._open.execute(sql)))

    def fetch(self, sql: str) -> list[dict[str, Any]]:
        """Execute plain SQL text of our own making and return its rows."""
        return [dict(record) for record in self._wait(self._open.fetch(sql))]

    def begin(self) -> None:
        """Start the write transaction."""
        self.script("BEGIN")

    def commit(self) -> None:
        """Commit it. ConnectError here means: unknown, read the ledger."""
        status = self._wait(self._open.execute("COMMIT"))
        if status != "COMMIT":
            raise ContractError(f"{where(self._info)}: COMMIT answered {status!r}: a statement before it had failed")

    def rollback(self) -> None:
        """Give it up; never raises. Works on a cancelled session too."""
        if self._usable():
            self._loop.submit(_settle(self._open, "ROLLBACK")).result()

    def backend(self) -> str:
        """Return `pid:start` of the server process that serves this connection."""
        if not self._backend:
            sql = "SELECT pid, backend_start::text AS start FROM pg_stat_activity WHERE pid = pg_backend_pid()"
            row = self.fetch(sql)[0]
            self._backend = f"{row['pid']}:{row['start']}"
        return self._backend

    def cancel(self) -> None:
        """Stop what is running, on the server too; every later call raises CancelledError. Any thread; never raises."""
        self._stopped = True
        if self._pid == os.getpid() and not self._loop.loop.is_closed():
            self._loop.loop.call_soon_threadsafe(self._stop_all)

    def close(self) -> None:
        """Close; never raises."""
        connection, self._connection = self._connection, None
        if connection is None or self._pid != os.getpid() or self._loop.loop.is_closed():
            return
        if self._sink is not None:  # read to the end by nobody: the server would go on
            self._loop.submit(self._sink.stop(self._cancel_backend, _GRACE_S)).result()
        self._loop.submit(_hang_up(connection)).result()

    def copy_out(self, sql: str, *, format: str = "csv") -> Iterator[bytes]:
        """Run `COPY (sql) TO STDOUT` and yield whole rows in blocks of about a megabyte.

        The server is read no faster than the blocks are taken; closing the iterator cancels the query there.

        Args:
            sql: one query of our own making.
            format: csv | text | binary.
        """
        sink = self._sink = BlockSink(self._open, sql, format)
        self._wait(sink.start())
        try:
            while block := self._wait(sink.take()):
                yield block
        finally:
            if self._usable():
                self._loop.submit(sink.stop(self._cancel_backend, _GRACE_S)).result()
            self._sink = None

    def copy_in(
        self, table: str, schema: str | None, columns: Iterable[str], blocks: Iterable[bytes], *, format: str = "csv"
    ) -> int:
        """Send blocks (cut anywhere) into a table by `COPY … FROM STDIN` and return the rows the server took.

        Args:
            schema: None = by search path, which finds temporary tables first.
            format: csv | text | binary.
        """
        feed = BlockFeed(self._open, table, schema, list(columns), format)
        sent = iter(blocks)
        head = list(islice(sent, 2))
        if len(head) < 2:  # little to send, as when single rows are tried: one trip to the loop
            return _count(self._wait(feed.once(b"".join(head))))
        self._wait(feed.start())
        try:
            for block in chain(head, sent):
                if not self._wait(feed.put(block)):
                    break  # the server ended it; finish() raises what it said
            return _count(self._wait(feed.finish()))
        except BaseException:
            self._loop.submit(feed.abort()).result(_GRACE_S * 2)
            raise

    @property
    def _open(self) -> asyncpg.Connection:
        if self._pid != os.getpid():
            raise ContractError(f"{where(self._info)}: a session was used in another process than it was opened in")
        if self._connection is None:
            raise ContractError(f"{where(self._info)}: the session is closed")
        return self._connection

    def _stop_all(self) -> None:
        """On the loop: cancel what a caller waits for, and a COPY that runs ahead of its reader."""
        if self._task is not None:
            self._task.cancel()
        if self._sink is not None:
            self._stopping = self._loop.loop.create_task(self._sink.stop(self._cancel_backend, _GRACE_S))

    def _usable(self) -> bool:
        return self._connection is not None and self._pid == os.getpid() and not self._loop.loop.is_closed()

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        """Run `work` on the loop to its end and return its result; every failure comes out classified."""
        if self._stopped:
            work.close()
            raise stopped(self._info)
        future = self._loop.submit(self._tracked(work))
        try:
            # polars makes SIGINT restart system calls: a wait without end would never see Ctrl-C
            while not wait((future,), timeout=_LOOK_S).done:
                pass
            return future.result()
        except (Exception, FutureCancelled) as error:
            if self._stopped:
                raise stopped(self._info) from error
            raise classify(error, self._info) from error
        except BaseException:  # KeyboardInterrupt, or Airflow's timeout raised by a signal while we wait
            future.cancel()
            raise

    async def _tracked(self, work: Coroutine[Any, Any, T]) -> T:
        self._task = asyncio.current_task()
        if self._stopped:
            work.close()
            raise asyncio.CancelledError
        try:
            return await work
        finally:
            self._task = None

    async def _cancel_backend(self, pid: int) -> None:
        """Ask the server, over another connection, to cancel what `pid` runs."""
        try:
            beside = await connect(self._info, "cancel", {})
        except Exception as error:
            raise classify(error, self._info) from error
        try:
            await beside.execute("SELECT pg_cancel_backend($1)", pid)
        finally:
            beside.terminate()


def _count(tag: str) -> int:
    """Return the row count of a command tag such as `INSERT 0 5`, or -1."""
    found = _COUNT.search(tag)
    return int(found[1]) if found else -1


async def _settle(connection: asyncpg.Connection, sql: str) -> None:
    """Run `sql` after a cancelled statement has ended; cut the connection where the server does not answer."""
    import asyncpg

    try:
        await asyncio.wait_for(connection.execute(sql), _GRACE_S)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, asyncio.TimeoutError):
        connection.terminate()


async def _hang_up(connection: asyncpg.Connection) -> None:
    import asyncpg

    try:
        await connection.close(timeout=_GRACE_S)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, asyncio.TimeoutError):
        connection.terminate()


@cache
def _dialect() -> Dialect:
    from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg

    made: Dialect = PGDialect_asyncpg()  # type: ignore[no-untyped-call]
    return made


def _compiled(statement: sa.Executable) -> tuple[str, list[Any]]:
    """Return SQL with `$n` binds and their values in order."""
    compiled: Any = statement.compile(  # type: ignore[attr-defined]
        dialect=_dialect(), compile_kwargs={"render_postcompile": True}
    )
    values = dict(compiled.params)
    for name, process in compiled._bind_processors.items():
        if name in values:
            values[name] = process(values[name])
    return str(compiled), [values[name] for name in compiled.positiontup or ()]
