"""One SQLite file as a target."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from sync_provider.core.contracts import ColumnType, ConnectionInfo, LoadSpec, Session
from sync_provider.core.errors import ContractError
from sync_provider.core.systems.sqlite.session import SqliteSession
from sync_provider.core.systems.sqlite.types import table_columns
from sync_provider.core.targets.sqlite import lasting
from sync_provider.core.targets.sqlite.catalogue import Table, check_schema, check_table, create_sql, read_table
from sync_provider.core.targets.sqlite.load import SqliteLoad


class SqliteTarget:
    """A `Target` on a SQLite file; opens it per question, and holds nothing itself."""

    dialect = "sqlite"

    def __init__(self, info: ConnectionInfo) -> None:
        self._info = info

    def ping(self) -> None:
        """Open the file, making it where it is missing. Raises ConfigError, AuthenticationError."""
        with self._asking() as session:
            session.fetch("SELECT 1")

    def describe(self, schema: str | None, table: str) -> dict[str, ColumnType] | None:
        """Return the table's columns, or None when it does not exist."""
        check_schema(schema)
        with self._asking() as session:
            return session.use(lambda connection: table_columns(connection, table))

    def create_sql(self, spec: LoadSpec) -> list[str]:
        """Return the statement that creates the table for `spec`."""
        return create_sql(spec)

    def session(self) -> SqliteSession:
        """Open a connection that waits for other writers."""
        return SqliteSession(self._info)

    def load(self, session: Session, spec: LoadSpec) -> SqliteLoad:
        """Start a load on a session whose transaction is open.

        The table is looked at over another connection: a transaction that had read could not write any more once
        another one has.

        Raises:
            ConfigError: the table is not there, lacks our columns, or cannot be merged into.
        """
        return SqliteLoad(_own(session), spec, self._table(spec))

    def prepare(self, session: Session, spec: LoadSpec, *, fresh: bool) -> int:
        """Make or keep the lasting staging table; return the rows it holds."""
        check_schema(spec.stage_schema)
        return lasting.prepare(_own(session), spec, self._table(spec), fresh=fresh)

    def discard(self, session: Session, spec: LoadSpec) -> None:
        """Drop the lasting staging table, where it is there."""
        lasting.discard(_own(session), spec)

    def recover(self, session: Session, spec: LoadSpec, *, committed: bool) -> None:
        """Do nothing: DDL is part of the transaction here, and a killed one leaves nothing behind."""

    def terminate(self, backend: str) -> None:
        """Do nothing: a file has no server process to end."""

    def close(self) -> None:
        """Release everything: nothing is held."""

    def _table(self, spec: LoadSpec) -> Table:
        check_schema(spec.schema)
        with self._asking() as beside:
            table = beside.use(lambda connection: read_table(connection, spec.table))
        return check_table(table, spec)

    @contextlib.contextmanager
    def _asking(self) -> Iterator[SqliteSession]:
        session = self.session()
        try:
            yield session
        finally:
            session.close()


def _own(session: Session) -> SqliteSession:
    if not isinstance(session, SqliteSession):
        raise ContractError(f"a load into SQLite wants this target's own session, got {type(session).__name__}")
    return session
