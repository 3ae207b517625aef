"""The lasting staging table in a SQLite file: made, kept or dropped outside the transactions that fill and empty it."""

from __future__ import annotations

from sync_provider.core.contracts import LoadSpec
from sync_provider.core.systems.sqlite.names import qualified
from sync_provider.core.systems.sqlite.session import SqliteSession
from sync_provider.core.targets.sqlite.catalogue import Table, stage_sql


def prepare(session: SqliteSession, spec: LoadSpec, table: Table, *, fresh: bool) -> int:
    """Make the staging table, or keep the one that is there, and return the rows it holds."""
    stage = qualified(None, spec.stage)
    drop, create = stage_sql(spec, stage, table)
    found = session.fetch("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?", [spec.stage])
    if not fresh and found and _shape(found[0]["sql"]) == _shape(create):
        return int(session.fetch(f"SELECT count(*) AS n FROM {stage}")[0]["n"])
    session.script(drop)
    session.script(create)
    return 0


def discard(session: SqliteSession, spec: LoadSpec) -> None:
    """Drop the staging table where it is there."""
    session.script(f"DROP TABLE IF EXISTS {qualified(None, spec.stage)}")


def _shape(create: str) -> str:
    """Return what a CREATE TABLE says of its columns."""
    return create.partition("(")[2]
