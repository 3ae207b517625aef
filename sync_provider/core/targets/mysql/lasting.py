"""The lasting staging table in MySQL: made, kept or dropped outside the transactions that fill and empty it."""

from __future__ import annotations

from sync_provider.core.contracts import LoadSpec
from sync_provider.core.systems.mysql.names import qualified
from sync_provider.core.systems.mysql.session import MySqlSession
from sync_provider.core.systems.mysql.types import table_columns
from sync_provider.core.targets.mysql.catalogue import Table, stage_sql
from sync_provider.core.targets.mysql.creating import check_names

_PROBE = "_sync_stage_wanted"


def prepare(session: MySqlSession, spec: LoadSpec, table: Table, database: str, *, fresh: bool) -> int:
    """Make the staging table, or keep the one that is there, and return the rows it holds."""
    check_names([spec.stage])
    stage = qualified(spec.stage_schema, spec.stage)
    there = not fresh and table_columns(session, spec.stage_schema, spec.stage) is not None
    if there and _shape(session, stage) == _wanted(session, spec, table, database):
        return int(session.fetch(f"SELECT count(*) AS n FROM {stage}")[0]["n"])
    session.script(f"DROP TABLE IF EXISTS {stage}")
    session.script(f"CREATE TABLE {stage_sql(spec, stage, table)}")
    return 0


def discard(session: MySqlSession, spec: LoadSpec) -> None:
    """Drop the staging table where it is there."""
    session.script(f"DROP TABLE IF EXISTS {qualified(spec.stage_schema, spec.stage)}")


def _wanted(session: MySqlSession, spec: LoadSpec, table: Table, database: str) -> list[tuple[str, ...]]:
    """Return the shape of the staging table as the server spells it: made once more to see."""
    probe = qualified(database, _PROBE)
    session.script(f"DROP TEMPORARY TABLE IF EXISTS {probe}")
    session.script(f"CREATE TEMPORARY TABLE {stage_sql(spec, probe, table)}")
    try:
        return _shape(session, probe)
    finally:
        session.script(f"DROP TEMPORARY TABLE {probe}")


def _shape(session: MySqlSession, table: str) -> list[tuple[str, ...]]:
    """Return name, type, collation and NULL of each column as the server spells them."""
    wanted = ("Field", "Type", "Collation", "Null")
    return [tuple(str(row[name]) for name in wanted) for row in session.fetch(f"SHOW FULL COLUMNS FROM {table}")]
