"""The version of the state tables: brought up where it is older than ours, refused where it is much newer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import sqlalchemy as sa

from sync_provider.core.contracts import Session
from sync_provider.core.errors import ConfigError
from sync_provider.core.ledger.tables import VERSION, create_sql, make, tables

#: (schema, table) → its columns, None where there is no such table
Describe = Callable[[str | None, str], Mapping[str, Any] | None]
#: columns that tables of an earlier version lack; nullable all of them, so that the version before goes on working
_ADDED = {"_sync_load": ("checkpoint", "rows_removed")}


def upgrade(session: Session, schema: str | None, describe: Describe) -> bool:
    """Bring the tables of an earlier version to ours, one process at a time; False where nothing was to do.

    Raises:
        ConfigError: a program of a much newer version made them. The next version's tables can be written by ours.
    """
    found = _found(session, schema)
    if found > VERSION + 1:
        raise ConfigError(
            f"the state tables in {schema or 'the default schema'} are of version {found}, this program knows "
            f"version {VERSION}",
            fix="install the newer airflow-provider-sync here too",
        )
    if found >= VERSION:
        return False
    make(session, schema, _statements(session, schema, describe))
    return True


def upgrade_sql(dialect_name: str, schema: str | None) -> list[str]:
    """Return the statements by which an administrator brings older tables to our version; safe to run again.

    SQLite has no such statements, and no administrator.
    """
    if dialect_name == "sqlite":
        return []
    added = [_add_column(dialect_name, schema, table, name) for table, names in _ADDED.items() for name in names]
    added = [sql.replace("ADD COLUMN", "ADD COLUMN IF NOT EXISTS") for sql in added]
    return [*added, _mark(dialect_name, schema)]


def _statements(session: Session, schema: str | None, describe: Describe) -> Iterator[str]:
    """Yield what is missing; looked up when the first is asked for, which is when no other process makes tables."""
    have = {table: describe(schema, table) or {} for table in _ADDED}
    missing = [(table, name) for table, names in _ADDED.items() for name in names if name not in have[table]]
    yield from create_sql(session.dialect, schema)
    for table, name in missing:
        yield _add_column(session.dialect, schema, table, name)
    yield _mark(session.dialect, schema)


def _add_column(dialect_name: str, schema: str | None, table: str, name: str) -> str:
    from sqlalchemy.schema import CreateColumn

    dialect = _dialect(dialect_name)
    state = tables(schema).metadata.tables[f"{schema}.{table}" if schema else table]
    column = CreateColumn(state.c[name]).compile(dialect=dialect)
    return f"ALTER TABLE {dialect.identifier_preparer.format_table(state)} ADD COLUMN {column}"


def _mark(dialect_name: str, schema: str | None) -> str:
    table = tables(schema).version
    mark = sa.update(table).where(table.c.version < VERSION).values(version=VERSION)
    return str(mark.compile(dialect=_dialect(dialect_name), compile_kwargs={"literal_binds": True}))


def _found(session: Session, schema: str | None) -> int:
    table = tables(schema).version
    newest = session.rows(sa.select(sa.func.max(table.c.version).label("newest")))[0]["newest"]
    return int(newest or 0)


def _dialect(name: str) -> Any:
    from sqlalchemy.engine import URL

    return URL.create(name).get_dialect()()
