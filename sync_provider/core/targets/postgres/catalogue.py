"""What a load must know of a table in PostgreSQL before it writes, and how one is created."""

from __future__ import annotations

import re
from collections.abc import Iterable

from sync_provider.core.contracts import DELETED, ColumnType, LoadSpec
from sync_provider.core.errors import ConfigError
from sync_provider.core.landing.stage import DELETED_AT, metadata_columns
from sync_provider.core.systems.postgres.names import listed, literal, qualified, quote
from sync_provider.core.systems.postgres.session import PgSession

#: longest name in bytes
MAX_IDENTIFIER = 63

_TYPES = {
    "int16": "smallint", "int32": "integer", "int64": "bigint", "float32": "real", "float64": "double precision",
    "boolean": "boolean", "date": "date", "time": "time", "timestamp": "timestamp", "timestamptz": "timestamptz",
    "uuid": "uuid", "binary": "bytea",
}  # fmt: skip
#: other types every server has: their text is read back as it was written
_KEPT = {
    "inet", "cidr", "macaddr", "macaddr8", "interval", "money", "bit", "bit varying", "xml", "tsvector", "int4range",
    "int8range", "numrange", "tsrange", "tstzrange", "daterange", "point", "line", "lseg", "box", "path", "polygon",
    "circle", "time with time zone",
}  # fmt: skip
_ELEMENTS = _KEPT | {
    "smallint", "integer", "bigint", "real", "double precision", "boolean", "date", "uuid", "text", "numeric", "json",
    "jsonb", "bytea", "character", "character varying", "timestamp with time zone", "timestamp without time zone",
    "time without time zone",
}  # fmt: skip
_FORM = re.compile(r"([a-z][a-z0-9 ]*?)(?:\(\d+(?:,\d+)?\))?( with(?:out)? time zone)?(\[\])?")
_META = {"_sync_run_id": "text", "_synced_at": "timestamptz", DELETED_AT: "timestamptz"}

_UNIQUE = """
SELECT (SELECT array_agg(a.attname::text) FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k(number, place)
        JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number
        WHERE k.place <= i.indnkeyatts) AS names
FROM pg_catalog.pg_index i
WHERE i.indrelid = {table}::regclass AND i.indisunique AND i.indisvalid AND i.indimmediate
  AND i.indpred IS NULL AND i.indexprs IS NULL"""


def create_sql(spec: LoadSpec) -> list[str]:
    """Return the statements that create schema and table for `spec`; safe to run again.

    Raises:
        ConfigError: a name is too long for the server, which would cut it silently.
    """
    check_names([spec.table, *([spec.schema] if spec.schema else []), *spec.columns])
    key = spec.primary_key if spec.write != "append" else ()
    columns = [
        f"{quote(name)} {type_sql(kind)}{' NOT NULL' if name in key else ''}" for name, kind in spec.columns.items()
    ]
    columns += [f"{quote(name)} {_META[name]}" for name in metadata_columns(spec)]
    if key:
        columns.append(f"PRIMARY KEY ({listed(key)})")
    table = qualified(spec.schema, spec.table)
    made = [f"CREATE TABLE IF NOT EXISTS {table} (\n  " + ",\n  ".join(columns) + "\n)"]
    return [f"CREATE SCHEMA IF NOT EXISTS {quote(spec.schema)}", *made] if spec.schema else made


def type_sql(column: ColumnType) -> str:
    """Return the type of a new column: the same values, without the source's bounds where it had none."""
    if column.kind == "text":
        return f"varchar({column.length})" if column.length else "text"
    if column.kind == "decimal":
        return f"numeric({column.precision},{column.scale or 0})" if column.precision else "numeric"
    if column.kind == "json":
        return "jsonb" if column.raw.lower() == "jsonb" else "json"
    if column.kind == "other":
        return column.raw if _is_everywhere(column.raw) else "text"
    return _TYPES[column.kind]


def _is_everywhere(raw: str) -> bool:
    """Whether every server has this type, or the type its arrays are made of."""
    form = _FORM.fullmatch(raw.lower())
    if form is None:
        return False
    name = form[1] + (form[2] or "")
    return name in _KEPT or bool(form[3] and name in _ELEMENTS)


def check_names(names: Iterable[str]) -> None:
    """Refuse names the server would cut. Raises ConfigError."""
    for name in names:
        if (size := len(name.encode())) > MAX_IDENTIFIER:
            raise ConfigError(
                f"name {name!r} is {size} bytes long; PostgreSQL keeps {MAX_IDENTIFIER}",
                "shorten it, for a column with `columns: {name: {to: shorter}}`",
            )


def check_table(session: PgSession, spec: LoadSpec) -> str:
    """Return the table's kind (pg_class.relkind), after checking that `spec` can be written.

    Raises:
        ConfigError: no such table; it lacks our columns; merge without a unique index on the primary key.
    """
    table = qualified(spec.schema, spec.table)
    sql = f"SELECT relkind::text AS kind FROM pg_catalog.pg_class WHERE oid = to_regclass({literal(table)})"
    found = session.fetch(sql)
    if not found:
        raise ConfigError(f"table {table} does not exist", "create it, or let `check` create it")
    _check_metadata(session, spec, table)
    if spec.write == "merge":
        unique = session.fetch(_UNIQUE.format(table=literal(table)))
        if not any(set(row["names"] or ()) == set(spec.primary_key) for row in unique):
            raise ConfigError(
                f"table {table} has no unique index on ({', '.join(spec.primary_key)}), which `write: merge` needs",
                f"create one: CREATE UNIQUE INDEX ON {table} ({listed(spec.primary_key)})",
            )
    return str(found[0]["kind"])


def _check_metadata(session: PgSession, spec: LoadSpec, table: str) -> None:
    wanted = metadata_columns(spec)
    if spec.replace_run and not wanted and not spec.replace_since:
        raise ConfigError(
            f"table {table}: a run that appends cannot be repeated: which rows it wrote is not kept",
            "set `metadata_columns: true`, or give the interface a primary_key",
        )
    sql = f"SELECT attname::text AS name FROM pg_catalog.pg_attribute WHERE attrelid = {literal(table)}::regclass"
    have = {row["name"] for row in session.fetch(f"{sql} AND NOT attisdropped")} if wanted else set()
    if missing := [name for name in wanted if name not in have]:
        adds = ", ".join(f"ADD COLUMN {name} {_META[name]}" for name in missing)
        other = "write `deletes: hard`" if missing == [DELETED_AT] else "set `metadata_columns: false`"
        raise ConfigError(
            f"table {table} has no column {', '.join(missing)}", f"run: ALTER TABLE {table} {adds}; or {other}"
        )


def stage_sql(spec: LoadSpec, stage: str, table: str, have: Iterable[str]) -> list[str]:
    """Return the statements that make the staging table: the target's own types, NOT NULLs and checks.

    So that the server refuses a row when it is staged, where it can be named, and not when it moves.

    Args:
        have: the target's columns.
    """
    name = stage.partition(".")[2]
    return [
        f"DROP TABLE IF EXISTS {stage}",
        f"CREATE TEMPORARY TABLE {name} (LIKE {table}{kept_checks(spec)}) ON COMMIT DROP",
        stage_shape_sql(spec, stage, have),
    ]


def kept_checks(spec: LoadSpec) -> str:
    """Return whether a staging table has the target's checks: a deleted row needs nothing but its key."""
    return "" if spec.deletes else " INCLUDING CONSTRAINTS"


def stage_shape_sql(spec: LoadSpec, stage: str, have: Iterable[str]) -> str:
    """Return the statement that makes a copy of the target's shape a staging table."""
    dropped = [f"DROP COLUMN {quote(name)}" for name in have if name not in spec.columns]
    # the key is decided with all rows; of a deleted row nothing else is asked
    nullable = spec.columns if spec.deletes else spec.primary_key
    free = [f"ALTER COLUMN {quote(name)} DROP NOT NULL" for name in nullable]
    added = ['ADD COLUMN "__row" bigint NOT NULL', *([f"ADD COLUMN {quote(DELETED)} boolean"] if spec.deletes else [])]
    return f"ALTER TABLE {stage} " + ", ".join([*added, *dropped, *free])
