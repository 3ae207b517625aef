"""One PostgreSQL database as a target."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

from sync_provider.core.contracts import ColumnType, ConnectionInfo, LoadSpec, Session
from sync_provider.core.errors import ContractError, SyncError
from sync_provider.core.systems.postgres.names import literal
from sync_provider.core.systems.postgres.session import PgSession
from sync_provider.core.systems.postgres.types import table_columns
from sync_provider.core.targets.postgres import lasting
from sync_provider.core.targets.postgres.catalogue import create_sql
from sync_provider.core.targets.postgres.load import PostgresLoad

#: how long a terminated connection has to let its locks go
_END_S = 5.0


class PostgresTarget:
    """A `Target` on PostgreSQL; opens a connection per question, none for itself."""

    dialect = "postgresql"

    def __init__(self, info: ConnectionInfo) -> None:
        self._info = info

    def ping(self) -> None:
        """Connect. Raises ConnectError, AuthenticationError."""
        with self._asking() as session:
            session.fetch("SELECT 1")

    def describe(self, schema: str | None, table: str) -> dict[str, ColumnType] | None:
        """Return the table's columns (with nullable, length, precision), or None when it does not exist."""
        with self._asking() as session:
            return table_columns(session, schema, table)

    def create_sql(self, spec: LoadSpec) -> list[str]:
        """Return the statements that create schema and table for `spec`."""
        return create_sql(spec)

    def session(self) -> PgSession:
        """Open a connection with lock timeout and keepalives set."""
        return PgSession(self._info)

    def load(self, session: Session, spec: LoadSpec) -> PostgresLoad:
        """Start a load on a session whose transaction is open.

        Raises:
            ConfigError: the table is not there, lacks our columns, or cannot be merged into.
        """
        return PostgresLoad(_own(session), spec)

    def prepare(self, session: Session, spec: LoadSpec, *, fresh: bool) -> int:
        """Make or keep the lasting staging table; return the rows it holds."""
        return lasting.prepare(_own(session), spec, fresh=fresh)

    def discard(self, session: Session, spec: LoadSpec) -> None:
        """Drop the lasting staging table, where it is there."""
        lasting.discard(_own(session), spec)

    def recover(self, session: Session, spec: LoadSpec, *, committed: bool) -> None:
        """Do nothing: DDL is part of the transaction here, and a killed one leaves nothing behind."""

    def terminate(self, backend: str) -> None:
        """End another connection by what `Session.backend` returned, if it is still the same; never raises."""
        pid, _, start = backend.partition(":")
        if not pid.isdigit():
            return
        same = f"FROM pg_stat_activity WHERE pid = {pid} AND backend_start::text = {literal(start)}"
        with contextlib.suppress(SyncError), self._asking() as session:
            until = time.monotonic() + _END_S
            session.fetch(f"SELECT pg_terminate_backend(pid) {same}")
            while session.fetch(f"SELECT 1 {same}") and time.monotonic() < until:
                time.sleep(0.05)

    def close(self) -> None:
        """Release everything: nothing is held."""

    @contextlib.contextmanager
    def _asking(self) -> Iterator[PgSession]:
        session = self.session()
        try:
            yield session
        finally:
            session.close()


def _own(session: Session) -> PgSession:
    if not isinstance(session, PgSession):
        raise ContractError(f"a load into PostgreSQL wants this target's own session, got {type(session).__name__}")
    return session
