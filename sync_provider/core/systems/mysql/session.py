"""One MySQL or MariaDB connection over mysqlclient, used from one thread and cancelled from any."""

from __future__ import annotations

import contextlib
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass
from datetime import timezone
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from sync_provider.core.contracts import ConnectionInfo
from sync_provider.core.errors import ContractError, SyncError
from sync_provider.core.systems.mysql.connect import connect, cut, described, drain, driver_errors, hang_up, unbuffered
from sync_provider.core.systems.mysql.errors import classify, stopped, where
from sync_provider.core.systems.mysql.infile import offered
from sync_provider.core.systems.mysql.line import Line
from sync_provider.core.systems.mysql.names import literal
from sync_provider.core.systems.mysql.statements import compiled, row_sql
from sync_provider.core.systems.rows import next_size

if TYPE_CHECKING:
    import sqlalchemy as sa

T = TypeVar("T")

#: after a cancel or on close the server has this long to answer before the socket is cut
_GRACE_S = 1.0
#: a rollback takes as long as what it undoes; after this the server is left alone with it
_ROLLBACK_S = 60.0
#: how long a signal may go unnoticed while we wait for the server
_LOOK_S = 0.2
#: times a KILL is sent, in case it came before the statement did
_KILL_EVERY_S = 0.2


@dataclass(frozen=True, slots=True)
class Told:
    """One warning or note of the server."""

    code: int
    message: str


class MySqlSession:
    """A `Session` on MySQL or MariaDB, strict, in UTC, reading what is committed.

    Args:
        info: the connection; host, port, login, password, schema (database) and, from extra, `ssl`, `ssl_mode`,
            `unix_socket`, `connect_timeout`.
        interface: what it works for; only kept.
        settings: session variables over the default ones; see `connect.SETTINGS`.
        isolation: of its transactions.
        reading: for sources: zero dates may be named in conditions.
        local_infile: for targets: LOAD DATA LOCAL is allowed.

    Raises:
        ConnectError: nobody answers. AuthenticationError: the login is refused. ConfigError: no such database.
    """

    dialect = "mysql"

    def __init__(
        self,
        info: ConnectionInfo,
        *,
        interface: str = "",
        settings: Mapping[str, str] | None = None,
        isolation: str = "READ COMMITTED",
        reading: bool = False,
        local_infile: bool = False,
    ) -> None:
        self._info = info
        self.interface = interface
        self._pid = os.getpid()
        self._stopped = False
        self._stopper: threading.Thread | None = None
        self._backend = ""
        self._after: list[Callable[[], None]] = []
        self._connection: Any = None
        self._line = Line()
        try:
            self._connection = self._wait(
                lambda: connect(
                    info, settings=settings, isolation=isolation, reading=reading, local_infile=local_infile
                )
            )
        except BaseException:
            self._line.stop()
            raise
        self._id = int(self._connection.thread_id())
        self.is_mariadb = "mariadb" in self._connection.get_server_info().lower()

    def run(self, statement: sa.Executable) -> int:
        """Execute and return the server's row count (-1 where it tells none)."""
        sql, values = compiled(statement)
        return self._wait(lambda: self._do(sql, values)[1])

    def rows(self, statement: sa.Executable) -> list[dict[str, Any]]:
        """Execute and return the rows; datetimes are aware UTC."""
        import sqlalchemy as sa

        sql, values = compiled(statement)
        found = self._wait(lambda: self._do(sql, values)[0])
        columns: Any = statement.exported_columns  # type: ignore[attr-defined]
        for column in columns:
            if isinstance(column.type, sa.DateTime):
                for row in found:
                    moment = row[column.name]
                    row[column.name] = moment and moment.replace(tzinfo=timezone.utc)
        return found

    def script(self, sql: str) -> None:
        """Execute one plain SQL statement of our own making (DDL, SET)."""
        self.execute(sql)

    def execute(self, sql: str) -> int:
        """Execute plain SQL text of our own making and return the server's row count."""
        return self._wait(lambda: self._do(sql)[1])

    def fetch(self, sql: str) -> list[dict[str, Any]]:
        """Execute plain SQL text of our own making and return its rows."""
        return self._wait(lambda: self._do(sql)[0])

    def insert(self, head: str, rows: Iterable[Sequence[str | bytes | int | None]]) -> tuple[int, list[Told]]:
        """Execute `head` (INSERT INTO … VALUES) with rows of values; return the rows taken and what was told."""
        return self._wait(lambda: self._counted(f"{head} {', '.join(row_sql(row) for row in rows)}"))

    def load_data(self, sql: Callable[[str], str], data: bytes) -> tuple[int, list[Told]]:
        """Execute LOAD DATA LOCAL; return the rows taken and what was told of them.

        Args:
            sql: name of the file as a literal → the statement.
        """
        with offered(data) as path:
            return self._wait(lambda: self._counted(sql(literal(path))))

    def described(self, sql: str) -> list[tuple[Any, ...]]:
        """Execute a query and return of each column: name, type, three sizes, decimals, whether NULL may be, flags."""
        return self._wait(lambda: described(self._open, sql))

    def read(self, sql: str) -> Iterator[list[tuple[bytes | None, ...]]]:
        """Execute a query and yield its rows as the server's own texts; closing the iterator ends the query.

        The server is read no faster than the rows are taken, a few megabytes at a time.
        """
        result = self._wait(lambda: unbuffered(self._open, sql))
        ended, size = False, 16
        try:
            while rows := self._wait(partial(result.fetch_row, size, 0)):
                size = next_size(rows)
                yield list(rows)
            ended = True
        finally:
            if not ended:
                self._end_reading(result)

    def begin(self) -> None:
        """Start the write transaction."""
        self.execute("START TRANSACTION")

    def commit(self) -> None:
        """Commit it, then do what waits for that. ConnectError here means: unknown, read the ledger."""
        after, self._after = self._after, []
        self.execute("COMMIT")
        for work in after:
            work()

    def at_commit(self, work: Callable[[], None]) -> None:
        """Do `work` after the next COMMIT, unless it is rolled back: what commits by itself cannot be part of it."""
        self._after.append(work)

    def rollback(self) -> None:
        """Give it up; never raises. Works on a cancelled session too."""
        self._after.clear()
        if not self._usable():
            return
        if self._stopper is not None:
            self._stopper.join(2 * _GRACE_S)
        done = self._line.submit(lambda: self._do("ROLLBACK"))
        self._settle(done, _GRACE_S if self._stopped else _ROLLBACK_S)

    def backend(self) -> str:
        """Return `id:name of a lock that only this connection holds`; ids are counted anew when the server restarts."""
        if not self._backend:
            name = f"sync {uuid.uuid4().hex}"
            self.fetch(f"SELECT GET_LOCK({literal(name)}, 0) AS got")
            self._backend = f"{self._id}:{name}"
        return self._backend

    def cancel(self) -> None:
        """Stop what is running, on the server too; every later call raises CancelledError. Any thread; never raises."""
        self._stopped = True
        if self._usable() and self._stopper is None:
            stopper = threading.Thread(target=self._stop, name="sync-mysql-cancel", daemon=True)
            stopper.start()
            self._stopper = stopper  # only now: it may be joined

    def close(self) -> None:
        """Close; never raises."""
        if not self._usable():
            return
        if not self._line.idle:
            self._stop()
        connection, self._connection = self._connection, None
        self._settle(self._line.submit(lambda: hang_up(connection)), _GRACE_S, connection)
        self._line.stop()

    @property
    def _open(self) -> Any:
        if self._pid != os.getpid():
            raise ContractError(f"{where(self._info)}: a session was used in another process than it was opened in")
        if self._connection is None:
            raise ContractError(f"{where(self._info)}: the session is closed")
        return self._connection

    def _usable(self) -> bool:
        return self._connection is not None and self._pid == os.getpid()

    def _do(self, sql: str, values: Sequence[Any] | None = None) -> tuple[list[dict[str, Any]], int]:
        """On the line: execute and return rows and row count."""
        with self._open.cursor() as cursor:
            cursor.execute(sql, values)
            names = [column[0] for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()] if names else [], cursor.rowcount

    def _counted(self, sql: str) -> tuple[int, list[Told]]:
        """On the line: execute and return the row count and every warning, notes too."""
        with self._open.cursor() as cursor:
            cursor.execute(sql)
            count = cursor.rowcount
        told = self._open.show_warnings() if self._open.warning_count() else ()
        return count, [Told(int(code), str(message)) for _, code, message in told]

    def _wait(self, work: Callable[[], T]) -> T:
        """Run `work` on the line to its end and return its result; every failure comes out classified."""
        if self._stopped:
            raise stopped(self._info)
        if self._pid != os.getpid():
            raise ContractError(f"{where(self._info)}: a session was used in another process than it was opened in")
        future = self._line.submit(work)
        try:
            # a wait without end would never see Ctrl-C or Airflow's timeout
            while not wait((future,), timeout=_LOOK_S).done:
                pass
            return future.result()
        except Exception as error:
            if self._stopped:
                raise stopped(self._info) from error
            raise classify(error, self._info, self._state(error)) from error
        except BaseException:  # KeyboardInterrupt, or Airflow's timeout raised by a signal while we wait
            self._stop()
            raise

    def _state(self, error: BaseException) -> str:
        """Return the SQLSTATE of the last failure, where the server gave one."""
        if self._connection is None or isinstance(error, SyncError):
            return ""
        with contextlib.suppress(*driver_errors()):
            return str(self._connection.sqlstate() or "")
        return ""

    def _stop(self) -> None:
        """Kill what runs until it ends; cut the connection where the server does not answer."""
        until = time.monotonic() + _GRACE_S
        while not self._line.idle and time.monotonic() < until:
            with contextlib.suppress(*driver_errors()):
                beside = connect(self._info, timeout_s=_GRACE_S)
                try:
                    beside.query(f"KILL QUERY {self._id}")
                finally:
                    beside.close()
            pause = time.monotonic() + _KILL_EVERY_S
            while not self._line.idle and time.monotonic() < pause:
                time.sleep(0.01)
        if not self._line.idle:
            cut(self._connection)

    def _settle(self, done: Future[Any], seconds: float, connection: Any = None) -> None:
        """Wait for the end of a last word; cut the connection where none comes."""
        with contextlib.suppress(*driver_errors()):
            if not wait((done,), timeout=seconds).done or done.exception() is not None:
                cut(connection or self._connection)

    def _end_reading(self, result: Any) -> None:
        """Have the server stop sending, then take what is still on its way."""
        if not self._usable():
            return
        done = self._line.submit(lambda: drain(result))
        self._stop()
        self._settle(done, _GRACE_S)
