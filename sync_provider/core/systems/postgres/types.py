"""PostgreSQL's catalogue → column types."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sync_provider.core.contracts import ColumnType
from sync_provider.core.errors import SyncError
from sync_provider.core.systems.postgres.names import literal, qualified, quote

if TYPE_CHECKING:
    from sync_provider.core.systems.postgres.session import PgSession

_KINDS = {
    "smallint": "int16", "integer": "int32", "bigint": "int64",
    "real": "float32", "double precision": "float64", "boolean": "boolean",
    "text": "text", "character varying": "text", "character": "text", "bpchar": "text",
    "date": "date", "time without time zone": "time",
    "timestamp without time zone": "timestamp", "timestamp with time zone": "timestamptz",
    "json": "json", "jsonb": "json", "uuid": "uuid", "bytea": "binary",
}  # fmt: skip
_NUMERIC = re.compile(r"numeric(?:\((\d+),(-?\d+)\))?")
_LENGTH = re.compile(r"(character varying|character)\((\d+)\)")
_PRECISION = re.compile(r"\(\d\)(?= with)")

_COLUMNS = """
SELECT a.attname::text AS name, format_type(a.atttypid, a.atttypmod) AS type,
       CASE WHEN t.typtype = 'd' THEN format_type(t.typbasetype, t.typtypmod) END AS base,
       NOT (a.attnotnull OR t.typnotnull) AS nullable
FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
WHERE a.attrelid = {relation}::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum"""
#: a temporary view may not be made: no right to, or a standby
_NO_TEMP = ("42501", "25006")


def column_type(formatted: str, base: str | None = None, nullable: bool = True) -> ColumnType:
    """Return the type of a column.

    Args:
        formatted: what `format_type` says; stays as `raw`, as a value's text can be cast to it.
        base: the same of the type under a domain.
    """
    name = base or formatted
    if match := _NUMERIC.fullmatch(name):
        precision, scale = (int(part) if part else None for part in match.groups())
        if precision is None or scale is None or not 0 <= scale <= precision:
            return ColumnType("decimal", nullable=nullable, raw=formatted)
        return ColumnType("decimal", precision, scale, nullable=nullable, raw=formatted)
    length = _LENGTH.fullmatch(name)
    kind = _KINDS.get(length[1] if length else _PRECISION.sub("", name), "other")
    return ColumnType(kind, length=int(length[2]) if length else None, nullable=nullable, raw=formatted)


def table_columns(session: PgSession, schema: str | None, table: str) -> dict[str, ColumnType] | None:
    """Return the columns of a table or view in order, or None when it does not exist.

    Args:
        schema: None = by search path.
    """
    relation = literal(qualified(schema, table))
    if session.fetch(f"SELECT to_regclass({relation}) IS NULL AS missing")[0]["missing"]:
        return None
    return _columns(session, relation)


def query_columns(session: PgSession, query: str) -> dict[str, ColumnType]:
    """Return the columns of a query in order, without running it."""
    try:
        session.begin()
        session.script(f"CREATE TEMPORARY VIEW _sync_columns AS {query}\n")
        return _columns(session, literal("_sync_columns"))
    except SyncError as error:
        if error.code not in _NO_TEMP:
            raise
    finally:
        session.rollback()
    return _columns_of_nothing(session, query)


def _columns(session: PgSession, relation: str) -> dict[str, ColumnType]:
    rows = session.fetch(_COLUMNS.format(relation=relation))
    return {row["name"]: column_type(row["type"], row["base"], row["nullable"]) for row in rows}


def _columns_of_nothing(session: PgSession, query: str) -> dict[str, ColumnType]:
    """Ask for the types of no rows: works anywhere, and knows no lengths and scales."""
    nothing = f"(SELECT) AS one LEFT JOIN (SELECT * FROM ({query}\n) AS q LIMIT 0) AS q ON true"
    names = list(session.fetch(f"SELECT q.* FROM {nothing}")[0])
    types = ", ".join(f"pg_typeof(q.{quote(name)})::text AS {quote(name)}" for name in names)
    row = session.fetch(f"SELECT {types} FROM {nothing}")[0]
    return {name: column_type(row[name]) for name in names}
