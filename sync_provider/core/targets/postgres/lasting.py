"""The lasting staging table in PostgreSQL: made, kept or dropped outside the transactions that fill and empty it."""

from __future__ import annotations

from sync_provider.core.contracts import DELETED, ROW, LoadSpec
from sync_provider.core.systems.postgres.names import literal, qualified
from sync_provider.core.systems.postgres.session import PgSession
from sync_provider.core.systems.postgres.types import table_columns
from sync_provider.core.targets.postgres.catalogue import check_names, kept_checks, stage_shape_sql

_SHAPE = """
SELECT attname::text AS name, pg_catalog.format_type(atttypid, atttypmod) AS type FROM pg_catalog.pg_attribute
WHERE attrelid = to_regclass({table}) AND attnum > 0 AND NOT attisdropped"""


def prepare(session: PgSession, spec: LoadSpec, *, fresh: bool) -> int:
    """Make the staging table, or keep the one that is there, and return the rows it holds.

    It is UNLOGGED, which spares half of what is written: a server that crashes empties it, and whoever goes on
    compares what it holds with what the chunks say.
    """
    check_names([spec.stage])
    stage, target = qualified(spec.stage_schema, spec.stage), qualified(spec.schema, spec.table)
    if not fresh and _shape(session, stage) == _wanted(session, target, spec):
        return int(session.fetch(f"SELECT count(*) AS n FROM {stage}")[0]["n"])
    session.script(f"DROP TABLE IF EXISTS {stage}")
    have = table_columns(session, spec.schema, spec.table) or {}
    session.script(f"CREATE UNLOGGED TABLE {stage} (LIKE {target}{kept_checks(spec)})")
    session.script(stage_shape_sql(spec, stage, have))
    return 0


def discard(session: PgSession, spec: LoadSpec) -> None:
    """Drop the staging table where it is there."""
    session.script(f"DROP TABLE IF EXISTS {qualified(spec.stage_schema, spec.stage)}")


def _wanted(session: PgSession, target: str, spec: LoadSpec) -> dict[str, str]:
    columns = {name: kind for name, kind in _shape(session, target).items() if name in spec.columns}
    return columns | {ROW: "bigint"} | ({DELETED: "boolean"} if spec.deletes else {})


def _shape(session: PgSession, table: str) -> dict[str, str]:
    """Return column → type as the server spells it; nothing where there is no such table."""
    return {row["name"]: row["type"] for row in session.fetch(_SHAPE.format(table=literal(table)))}
