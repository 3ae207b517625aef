"""One connection to a SQLite file, used from one thread at a time and cancelled from any."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote as url_quote

from sync_provider.core.contracts import ConnectionInfo
from sync_provider.core.errors import ContractError
from sync_provider.core.systems.sqlite.errors import check_place, classify, stopped, where

if TYPE_CHECKING:
    import sqlalchemy as sa
    from sqlalchemy.engine import Dialect

T = TypeVar("T")
#: `?` or `:name` binds
Values = Sequence[Any] | Mapping[str, Any]

#: how long a writer waits for another one; asked again in short turns, so that a cancel is heard
BUSY_S = 60.0
_TURN_S = 0.2


def path_of(info: ConnectionInfo) -> str:
    """Return the file of a connection: its host, or its schema where it was written `sqlite:////abs/x.db`."""
    return info.host or info.schema or ""


class SqliteSession:
    """A `Session` on a SQLite file in WAL mode.

    A transaction takes the file's one write lock with its first write, not before: readers of other tables and
    other interfaces are not kept waiting while rows are staged. So the first statement of a transaction on a
    table of the file must be a write.

    Args:
        info: the connection; the file is its host, or its schema.
        read_only: for sources: the file must exist and is never written.
        busy_s: how long to wait for another writer.

    Raises:
        ConfigError: no such folder or file, or not a SQLite file. AuthenticationError: it may not be opened.
    """

    dialect = "sqlite"

    def __init__(self, info: ConnectionInfo, *, read_only: bool = False, busy_s: float = BUSY_S) -> None:
        self._info = info
        self._path = path_of(info)
        self._pid = os.getpid()
        self._busy_s = busy_s
        self._stopped = False
        self._connection: sqlite3.Connection | None = None
        check_place(info, self._path, create=not read_only)
        self._connection = self._guarded(lambda: self._connect(read_only))

    def run(self, statement: sa.Executable) -> int:
        """Execute and return the file's row count (-1 where it tells none)."""
        sql, values = _compiled(statement)
        return self.execute(sql, values)

    def rows(self, statement: sa.Executable) -> list[dict[str, Any]]:
        """Execute and return the rows; datetimes are aware UTC."""
        sql, values = _compiled(statement)
        columns: Any = statement.exported_columns  # type: ignore[attr-defined]
        readers = [column.type.dialect_impl(_dialect()).result_processor(_dialect(), None) for column in columns]
        return [
            {
                name: reader(value) if reader else value
                for (name, value), reader in zip(row.items(), readers, strict=True)
            }
            for row in self.fetch(sql, values)
        ]

    def script(self, sql: str) -> None:
        """Execute one plain SQL statement of our own making (DDL, PRAGMA)."""
        self.execute(sql)

    def execute(self, sql: str, values: Values = ()) -> int:
        """Execute plain SQL text of our own making and return the row count (-1 where there is none)."""
        return self._guarded(lambda: self._open.execute(sql, values).rowcount)

    def fetch(self, sql: str, values: Values = ()) -> list[dict[str, Any]]:
        """Execute plain SQL text of our own making and return its rows."""

        def read() -> list[dict[str, Any]]:
            cursor = self._open.execute(sql, values)
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor]

        return self._guarded(read)

    def many(self, sql: str, rows: Iterable[Sequence[Any]]) -> int:
        """Execute plain SQL text once per row of values and return the rows changed."""
        return self._guarded(lambda: self._open.executemany(sql, rows).rowcount, turns=False)

    def read(self, sql: str, values: Values = (), *, size: int = 10_000) -> Iterator[list[tuple[Any, ...]]]:
        """Execute a query and yield its rows, `size` at a time; closing the iterator ends the query."""
        cursor = self._guarded(lambda: self._open.execute(sql, values))
        try:
            while rows := self._guarded(lambda: cursor.fetchmany(size), turns=False):
                yield rows
        finally:
            cursor.close()

    def use(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` on the connection itself; its failures come out classified too."""
        return self._guarded(lambda: work(self._open))

    def begin(self) -> None:
        """Start the write transaction; the write lock is taken by its first write."""
        self.execute("BEGIN")

    def commit(self) -> None:
        """Commit it."""
        self.execute("COMMIT")

    def rollback(self) -> None:
        """Give it up; never raises. Works on a cancelled session too."""
        if self._connection is not None and self._pid == os.getpid() and self._connection.in_transaction:
            with contextlib.suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")

    def backend(self) -> str:
        """Return '': a file has no server process to end."""
        return ""

    def cancel(self) -> None:
        """Stop what is running; every later call raises CancelledError. Any thread; never raises."""
        self._stopped = True
        connection = self._connection
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.interrupt()

    def close(self) -> None:
        """Close; never raises."""
        connection, self._connection = self._connection, None
        if connection is not None and self._pid == os.getpid():
            with contextlib.suppress(sqlite3.Error):
                connection.close()

    @property
    def _open(self) -> sqlite3.Connection:
        if self._pid != os.getpid():
            raise ContractError(f"{where(self._info, self._path)}: a session was used in another process")
        if self._connection is None:
            raise ContractError(f"{where(self._info, self._path)}: the session is closed")
        return self._connection

    def _connect(self, read_only: bool) -> sqlite3.Connection:
        mode = "ro" if read_only else "rwc"
        connection = sqlite3.connect(
            f"file:{url_quote(os.path.abspath(self._path))}?mode={mode}",
            timeout=_TURN_S,
            isolation_level=None,
            check_same_thread=False,
            uri=True,
        )
        try:
            connection.execute("PRAGMA schema_version")
            if not read_only:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA foreign_keys = ON")
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _guarded(self, work: Callable[[], T], *, turns: bool = True) -> T:
        """Run `work`, again and again while another writer holds the file; every failure comes out classified."""
        until = time.monotonic() + self._busy_s
        while True:
            if self._stopped:
                raise stopped(self._info, self._path)
            try:
                return work()
            except (sqlite3.Error, sqlite3.Warning, OverflowError) as error:
                if self._stopped:
                    raise stopped(self._info, self._path) from error
                if turns and "locked" in str(error) and time.monotonic() < until:
                    continue
                raise classify(error, self._info, self._path) from error


@cache
def _dialect() -> Dialect:
    """Return SQLite's dialect with times that keep their zone: written in UTC, read as aware UTC."""
    from sync_provider.core.systems.sqlite.dialect import UtcDialect

    return UtcDialect()


def _compiled(statement: sa.Executable) -> tuple[str, list[Any]]:
    """Return SQL with `?` binds and their values in order."""
    compiled: Any = statement.compile(  # type: ignore[attr-defined]
        dialect=_dialect(), compile_kwargs={"render_postcompile": True}
    )
    values = dict(compiled.params)
    for name, process in compiled._bind_processors.items():
        if name in values:
            values[name] = process(values[name])
    return str(compiled), [values[name] for name in compiled.positiontup or ()]
