"""One MySQL or MariaDB server as a target."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Iterator

from sync_provider.core.contracts import ColumnType, ConnectionInfo, LoadSpec, Session
from sync_provider.core.errors import ConfigError, ContractError, SyncError
from sync_provider.core.systems.mysql.names import literal
from sync_provider.core.systems.mysql.session import MySqlSession
from sync_provider.core.systems.mysql.types import table_columns
from sync_provider.core.targets.mysql import lasting, replacing
from sync_provider.core.targets.mysql.catalogue import Table, check_engine, check_table, read_table
from sync_provider.core.targets.mysql.creating import create_sql
from sync_provider.core.targets.mysql.load import MySqlLoad

log = logging.getLogger(__name__)

#: how long a killed connection has to let its locks go
_END_S = 5.0
_OFF = ("0", "false", "off", "no")


class MySqlTarget:
    """A `Target` on MySQL or MariaDB; opens a connection per question, none for itself."""

    dialect = "mysql"

    def __init__(self, info: ConnectionInfo) -> None:
        self._info = info
        self._wanted = str(info.extra.get("local_infile", "on")).lower() not in _OFF

    def ping(self) -> None:
        """Connect. Raises ConnectError, AuthenticationError."""
        with self._asking() as session:
            session.fetch("SELECT 1")

    def describe(self, schema: str | None, table: str) -> dict[str, ColumnType] | None:
        """Return the table's columns (with nullable, length, precision), or None when it does not exist.

        Raises:
            ConfigError: its engine has no transactions.
        """
        with self._asking() as session:
            check_engine(session, schema, table)
            return table_columns(session, schema, table)

    def create_sql(self, spec: LoadSpec) -> list[str]:
        """Return the statements that create database and table for `spec`."""
        return create_sql(spec)

    def session(self) -> MySqlSession:
        """Open a connection with lock timeout and keepalives set."""
        return MySqlSession(self._info, local_infile=self._wanted)

    def load(self, session: Session, spec: LoadSpec) -> MySqlLoad:
        """Start a load on a session whose transaction is open.

        Raises:
            ConfigError: the table is not there, lacks our columns, or cannot be merged into.
        """
        own = _own(session)
        database = self._database(own, spec)
        table = _table(own, spec)
        infile = self._wanted and bool(own.fetch("SELECT @@local_infile AS allowed")[0]["allowed"])
        if not infile:
            log.info("local_infile is off for connection %s: rows go by INSERT, which is slower", self._info.id)
        return MySqlLoad(own, spec, table, database=database, infile=infile, beside=self.session)

    def prepare(self, session: Session, spec: LoadSpec, *, fresh: bool) -> int:
        """Make or keep the lasting staging table; return the rows it holds."""
        own = _own(session)
        return lasting.prepare(own, spec, _table(own, spec), self._database(own, spec), fresh=fresh)

    def discard(self, session: Session, spec: LoadSpec) -> None:
        """Drop the lasting staging table, where it is there."""
        lasting.discard(_own(session), spec)

    def recover(self, session: Session, spec: LoadSpec, *, committed: bool) -> None:
        """Finish or undo what a killed `replace: swap` left behind."""
        replacing.recover(_own(session), spec, committed=committed)

    def terminate(self, backend: str) -> None:
        """End another connection by what `Session.backend` returned, if it is still the same; never raises."""
        number, _, lock = backend.partition(":")
        if not number.isdigit() or not lock:
            return
        holder = f"SELECT is_used_lock({literal(lock)}) AS id"
        with contextlib.suppress(SyncError), self._asking() as session:
            until = time.monotonic() + _END_S
            if session.fetch(holder)[0]["id"] == int(number):
                session.script(f"KILL {number}")
            while session.fetch(holder)[0]["id"] == int(number) and time.monotonic() < until:
                time.sleep(0.05)

    def close(self) -> None:
        """Release everything: nothing is held."""

    def _database(self, session: MySqlSession, spec: LoadSpec) -> str:
        """Return where temporary tables are made; the session's own database, or else the target's."""
        name = self._info.schema or spec.schema
        if not name:
            raise ConfigError(
                f"mysql connection {self._info.id!r} names no database",
                f"set the schema of Airflow connection {self._info.id!r}, or `schema` under `target:`",
            )
        if not self._info.schema:
            session.script(f"USE `{name.replace('`', '``')}`")
        return name

    @contextlib.contextmanager
    def _asking(self) -> Iterator[MySqlSession]:
        session = self.session()
        try:
            yield session
        finally:
            session.close()


def _own(session: Session) -> MySqlSession:
    if not isinstance(session, MySqlSession):
        raise ContractError(f"a load into MySQL wants this target's own session, got {type(session).__name__}")
    return session


def _table(session: MySqlSession, spec: LoadSpec) -> Table:
    check_engine(session, spec.schema, spec.table)
    return check_table(read_table(session, spec.schema, spec.table), spec)
