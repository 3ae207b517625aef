"""An Airflow connection and a dialect → a SQLAlchemy engine, one statement at a time, and how to stop it."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from sync_provider.core.contracts import ConnectionInfo
from sync_provider.core.errors import CancelledError, ConfigError
from sync_provider.core.systems.rows import CHUNK_ROWS, Row, next_size
from sync_provider.core.systems.sql.errors import classify, where

if TYPE_CHECKING:
    import sqlalchemy as sa

#: Airflow's connection types that SQLAlchemy calls otherwise
_DIALECTS = {"postgres": "postgresql+psycopg"}
#: databases that are a file: the connection's host is its path
_FILES = ("sqlite", "duckdb")
#: dialects whose drivers make other values of some: they have a source of their own that does not
_BETTER = {"mysql": "mysql", "mariadb": "mysql"}


def dialect_of(info: ConnectionInfo, dialect: str | None) -> str:
    """Return SQLAlchemy's name of dialect and driver: as written, else as the connection says.

    Raises:
        ConfigError: nothing says it, or another source type reads it without changing values.
    """
    found = dialect or info.extra.get("dialect") or _DIALECTS.get(info.type, info.type)
    if found in ("", "generic", "sql"):
        raise ConfigError(
            f"{where(info)}: of type {info.type!r} says no dialect",
            "add `dialect: <SQLAlchemy dialect+driver>` under `source:`, such as mssql+pymssql",
        )
    better = _BETTER.get(str(found).split("+")[0])
    if better:
        raise ConfigError(
            f"{where(info)}: its drivers turn dates like 0000-00-00 into NULL, so it is not read by type sql",
            f"use `type: {better}`",
        )
    return str(found)


def make_engine(info: ConnectionInfo, dialect: str) -> sa.Engine:
    """Return an engine with one connection. JSON stays the text it is, where the dialect lets us."""
    import sqlalchemy as sa

    url = _url(info, dialect)
    known = sa.util.get_cls_kwargs(url.get_dialect())
    options: dict[str, Any] = {"json_deserializer": _as_it_is} if "json_deserializer" in known else {}
    arguments = dict(info.extra.get("connect_args") or {})
    if url.get_backend_name() == "sqlite":
        arguments = {"check_same_thread": False, "timeout": 60.0, **arguments}  # `cancel` comes from another thread
    return sa.create_engine(url, poolclass=sa.pool.NullPool, connect_args=arguments, hide_parameters=True, **options)


def _as_it_is(text: str | bytes) -> str:
    return text.decode() if isinstance(text, bytes) else text


def _url(info: ConnectionInfo, dialect: str) -> sa.URL:
    import sqlalchemy as sa

    query = {str(name): str(value) for name, value in (info.extra.get("query") or {}).items()}
    if dialect.split("+")[0] not in _FILES:
        return sa.URL.create(dialect, info.login, info.password, info.host, info.port, info.schema, query)
    path = info.host or info.schema or ""
    if not os.path.isfile(path):
        fix = f"put the file's path into the host of Airflow connection '{info.id}'"
        raise ConfigError(f"{where(info)}: no such file: {path!r}", fix)
    return sa.URL.create(dialect, database=path, query=query)


class SqlConnection:
    """One connection of one source. Used by one thread; `cancel` from any."""

    def __init__(self, info: ConnectionInfo, dialect: str | None, *, interface: str) -> None:
        self._info, self._interface = info, interface
        self._dialect = dialect
        self._engine: sa.Engine | None = None
        self._connection: sa.Connection | None = None
        self._stopped = False

    @property
    def backend(self) -> str:
        """The dialect without its driver: postgresql, mssql, sqlite …"""
        return dialect_of(self._info, self._dialect).split("+")[0]

    @property
    def doubles_percent(self) -> bool:
        """Whether a percent sign in SQL text must be doubled for the driver."""
        return bool(self.connection().dialect.identifier_preparer._double_percents)

    def connection(self) -> sa.Connection:
        """Return SQLAlchemy's connection, opened where it is not yet."""
        if self._stopped:
            raise self._cancelled()
        if self._connection is None:
            with self.failing():
                self._engine = make_engine(self._info, dialect_of(self._info, self._dialect))
                self._connection = self._engine.connect()
        return self._connection

    def inspector(self) -> sa.Inspector:
        """Return what tells tables and columns."""
        import sqlalchemy as sa

        return sa.inspect(self.connection())

    def rows(self, statement: sa.Executable, values: Mapping[str, Any] | None = None) -> list[Row]:
        """Execute and return all rows, in a transaction of their own."""
        connection = self.connection()
        with self.failing():
            try:
                return [tuple(row) for row in connection.execute(statement, values or {})]
            finally:
                connection.rollback()

    def head(self, statement: sa.Executable) -> tuple[list[str], list[Row]]:
        """Execute and return the names of the columns, and all rows."""
        connection = self.connection()
        with self.failing():
            try:
                result = connection.execute(statement)
                return list(result.keys()), [tuple(row) for row in result]
            finally:
                connection.rollback()

    def chunks(self, statement: sa.Executable) -> Generator[list[Row], None, None]:
        """Yield the rows of one statement in chunks of a few megabytes, unbuffered where the driver can."""
        connection = self.connection()
        done = False
        with self.failing():
            try:
                result = connection.execute(statement, execution_options={"stream_results": True})
                size = 16
                while chunk := result.fetchmany(size):
                    size = min(next_size(chunk), CHUNK_ROWS)
                    yield chunk  # type: ignore[misc]  # a Row is a tuple
                    if self._stopped:
                        raise self._cancelled()
                done = True
            finally:
                self._finish(connection, whole=done)

    def _finish(self, connection: sa.Connection, *, whole: bool) -> None:
        """End the transaction; give up the connection where rows are still to come: drivers would fetch them all."""
        if whole:
            connection.rollback()
        elif connection is self._connection:
            self._drop()

    @contextmanager
    def failing(self) -> Iterator[None]:
        """Turn SQLAlchemy's and the driver's errors into ours."""
        import sqlalchemy as sa

        try:
            yield
        except (sa.exc.SQLAlchemyError, ImportError, ValueError, TypeError, OverflowError) as error:
            raise (self._cancelled() if self._stopped else classify(error, self._info)) from None

    def cancel(self) -> None:
        """Stop what runs, on the server where the driver can; else at the next chunk. Never raises."""
        self._stopped = True
        connection = self._connection
        if connection is None:
            return
        with suppress(*self._faults()):  # closed meanwhile
            raw = connection.connection.dbapi_connection
            stop = getattr(raw, "interrupt", None) or getattr(raw, "cancel", None)
            if callable(stop):
                stop()

    def close(self) -> None:
        """Close; never raises."""
        self._drop()

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        engine, self._engine = self._engine, None
        with suppress(*self._faults(engine)):  # it is gone either way
            if connection is not None:
                connection.invalidate()
                connection.close()
        if engine is not None:
            engine.dispose()

    def _faults(self, engine: sa.Engine | None = None) -> tuple[type[Exception], ...]:
        """Return what SQLAlchemy and the driver raise when a connection is gone already."""
        import sqlalchemy as sa

        engine = engine or self._engine
        driver = engine.dialect.loaded_dbapi.Error if engine is not None else OSError
        return (sa.exc.SQLAlchemyError, driver, OSError)

    def _cancelled(self) -> CancelledError:
        return CancelledError(f"interface {self._interface!r}: reading was cancelled", "start the run again")
