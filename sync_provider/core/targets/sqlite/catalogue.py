"""What a load must know of a table in SQLite before it writes, and how one is created."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field

from sync_provider.core.contracts import DELETED, ColumnType, LoadSpec
from sync_provider.core.errors import ConfigError
from sync_provider.core.landing.stage import DELETED_AT, metadata_columns
from sync_provider.core.systems.sqlite.names import listed, qualified, quote

#: declared types that SQLite and `describe` take for what they are; all else is text, which SQLite leaves alone
_TYPES = {
    "int16": "smallint", "int32": "integer", "int64": "bigint", "float32": "real", "float64": "double",
    "boolean": "boolean", "date": "date", "time": "time", "timestamp": "timestamp", "timestamptz": "timestamptz",
    "binary": "blob",
}  # fmt: skip
_META = {"_sync_run_id": "text", "_synced_at": "timestamptz", DELETED_AT: "timestamptz"}
#: a number of at most this many digits comes back from a numeric column as it went in
EXACT_DIGITS = 15
_REFERENCED = """
SELECT DISTINCT m.name FROM sqlite_master AS m, pragma_foreign_key_list(m.name) AS f
WHERE m.type = 'table' AND lower(f."table") = lower(?) AND lower(m.name) <> lower(?) ORDER BY 1"""


@dataclass(frozen=True, slots=True)
class Table:
    """A table as it is declared.

    Args:
        affinities: column → TEXT | NUMERIC | INTEGER | REAL | BLOB: what SQLite makes of a value that fits.
        unique: sets of columns that are unique together.
        collations: column → what its unique index takes for equal: BINARY | NOCASE | RTRIM.
        referenced: tables whose foreign keys point here.
    """

    affinities: dict[str, str]
    unique: tuple[frozenset[str], ...]
    collations: dict[str, str] = field(default_factory=dict)
    referenced: tuple[str, ...] = ()


def create_sql(spec: LoadSpec) -> list[str]:
    """Return the statement that creates the table for `spec`; safe to run again."""
    check_schema(spec.schema)
    key = spec.primary_key if spec.write != "append" else ()
    columns = [_column(name, kind, name in key) for name, kind in spec.columns.items()]
    columns += [f"{quote(name)} {_META[name]}" for name in metadata_columns(spec)]
    if key:
        columns.append(f"PRIMARY KEY ({listed(key)})")
    return [f"CREATE TABLE IF NOT EXISTS {qualified(None, spec.table)} (\n  " + ",\n  ".join(columns) + "\n)"]


def check_schema(schema: str | None) -> None:
    """Refuse a schema: a file has none. Raises ConfigError."""
    if schema not in (None, "", "main"):
        raise ConfigError(f"target schema {schema!r}: a SQLite file has no schemas", "remove `schema` from `target:`")


def affinity(declared: str) -> str:
    """Return what SQLite makes of values in a column so declared, by its own five rules."""
    name = declared.upper()
    if "INT" in name:
        return "INTEGER"
    if any(part in name for part in ("CHAR", "CLOB", "TEXT")):
        return "TEXT"
    if "BLOB" in name or not name:
        return "BLOB"
    return "REAL" if any(part in name for part in ("REAL", "FLOA", "DOUB")) else "NUMERIC"


def read_table(connection: sqlite3.Connection, table: str) -> Table | None:
    """Return how a table is declared, or None when it does not exist."""
    rows = connection.execute("SELECT name, type, pk FROM pragma_table_xinfo(?)", (table,)).fetchall()
    if not rows:
        return None
    unique = [frozenset(name for name, _, part in rows if part)]
    indexes = connection.execute('SELECT name FROM pragma_index_list(?) WHERE "unique" AND NOT partial', (table,))
    collations: dict[str, str] = {}
    for (index,) in indexes.fetchall():
        names = connection.execute("SELECT name, coll FROM pragma_index_xinfo(?) WHERE key", (index,)).fetchall()
        unique.append(frozenset(name for name, _ in names))
        collations |= {name: collation for name, collation in names if name}
    affinities = {name: affinity(declared) for name, declared, _ in rows}
    others = [name for (name,) in connection.execute(_REFERENCED, (table, table))]
    return Table(affinities, tuple(unique), collations, tuple(others))


def check_table(table: Table | None, spec: LoadSpec) -> Table:
    """Check that `spec` can be written; a name SQLite does not know it would take for a text.

    Raises:
        ConfigError: no such table or column; it lacks ours; merge without a unique index on the primary key.
    """
    name = quote(spec.table)
    if table is None:
        raise ConfigError(f"table {name} does not exist", "create it, or let `check` create it")
    if missing := [column for column in spec.columns if column not in table.affinities]:
        raise ConfigError(f"table {name} has no column {', '.join(missing)}", "add it, or leave it out")
    wanted = metadata_columns(spec)
    if spec.replace_run and not wanted and not spec.replace_since:
        raise ConfigError(
            f"table {name}: a run that appends cannot be repeated: which rows it wrote is not kept",
            "set `metadata_columns: true`, or give the interface a primary_key",
        )
    if missing := [column for column in wanted if column not in table.affinities]:
        adds = "; ".join(f"ALTER TABLE {name} ADD COLUMN {column} {_META[column]}" for column in missing)
        other = "write `deletes: hard`" if missing == [DELETED_AT] else "set `metadata_columns: false`"
        raise ConfigError(f"table {name} has no column {', '.join(missing)}", f"run: {adds}; or {other}")
    _check_write(table, spec, name)
    return table


def _check_write(table: Table, spec: LoadSpec, name: str) -> None:
    if spec.write == "replace" and table.referenced:
        raise ConfigError(
            f"table {name} cannot be emptied by `write: replace`: its rows are referenced by "
            f"{', '.join(table.referenced)}",
            "write `write: merge` with a primary_key and `deletes: hard`, or drop the foreign key",
        )
    if spec.write == "merge" and frozenset(spec.primary_key) not in table.unique:
        index = quote(f"{spec.table}_key")
        raise ConfigError(
            f"table {name} has no unique index on ({', '.join(spec.primary_key)}), which `write: merge` needs",
            f"create one: CREATE UNIQUE INDEX {index} ON {name} ({listed(spec.primary_key)})",
        )


def stage_sql(spec: LoadSpec, stage: str, table: Table) -> list[str]:
    """Return the statements that make the staging table, with the target's own affinities and idea of equal keys."""
    columns = ", ".join(
        f"{quote(name)} {table.affinities[name]} COLLATE {table.collations.get(name, 'BINARY')}"
        for name in spec.columns
    )
    columns += f", {quote(DELETED)} boolean" if spec.deletes else ""
    return [f"DROP TABLE IF EXISTS {stage}", f"CREATE TABLE {stage} (__row INTEGER PRIMARY KEY, {columns})"]


def _column(name: str, column: ColumnType, key: bool) -> str:
    filled = " NOT NULL" if key else ""
    if column.kind == "text" and column.length:
        return f"{quote(name)} varchar({column.length}){filled} CHECK (length({quote(name)}) <= {column.length})"
    return f"{quote(name)} {_type(column)}{filled}"


def _type(column: ColumnType) -> str:
    if column.kind == "decimal" and column.precision and column.precision <= EXACT_DIGITS:
        return f"decimal({column.precision},{column.scale or 0})"
    return _TYPES.get(column.kind, "text")
