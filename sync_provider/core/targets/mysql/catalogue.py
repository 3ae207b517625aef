"""What a load must know of a table in MySQL before it writes, and the staging table made after it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sync_provider.core.contracts import DELETED, ROW, ColumnType, LoadSpec
from sync_provider.core.errors import ConfigError
from sync_provider.core.landing.stage import DELETED_AT, metadata_columns
from sync_provider.core.systems.mysql.names import listed, literal, qualified, quote
from sync_provider.core.systems.mysql.session import MySqlSession
from sync_provider.core.systems.mysql.types import table_columns
from sync_provider.core.targets.mysql.creating import MAX_IDENTIFIER, META

__all__ = ["MAX_IDENTIFIER", "Table", "check_engine", "check_table", "read_table", "stage_sql"]

_ENGINE = """
SELECT table_name AS name, engine AS engine, table_type AS type FROM information_schema.tables
WHERE table_schema = {schema} AND {which}"""
_COLLATIONS = """
SELECT column_name AS name, character_set_name AS charset, collation_name AS collation
FROM information_schema.columns WHERE table_schema = {schema} AND table_name = {table}"""
_UNIQUE = """
SELECT index_name AS "index", column_name AS name, sub_part AS part FROM information_schema.statistics
WHERE table_schema = {schema} AND table_name = {table} AND non_unique = 0"""


@dataclass(frozen=True, slots=True)
class Table:
    """A table as it is declared.

    Args:
        charsets: column of text → (character set, collation): what it can hold, and what it takes for equal.
        unique: sets of columns that are unique together.
    """

    columns: Mapping[str, ColumnType]
    charsets: Mapping[str, tuple[str, str]]
    unique: tuple[frozenset[str], ...]


def read_table(session: MySqlSession, schema: str | None, table: str) -> Table | None:
    """Return how a table is declared, or None when it does not exist."""
    columns = table_columns(session, schema, table)
    if columns is None:
        return None
    where = {"schema": _schema(schema), "table": literal(table)}
    charsets = {
        row["name"]: (row["charset"], row["collation"])
        for row in session.fetch(_COLLATIONS.format(**where))
        if row["charset"]
    }
    indexes: dict[str, list[str | None]] = {}
    for row in session.fetch(_UNIQUE.format(**where)):
        indexes.setdefault(row["index"], []).append(row["name"] if row["part"] is None else None)
    unique = tuple(frozenset(name for name in names if name) for names in indexes.values() if None not in names)
    return Table(columns, charsets, unique)


def check_engine(session: MySqlSession, schema: str | None, table: str) -> None:
    """Refuse a table whose engine knows no transactions; of our state tables all are looked at.

    Raises:
        ConfigError: rows in it could not be taken back.
    """
    ours = table.startswith("_sync_")
    which = "table_name LIKE '|_sync|_%' ESCAPE '|'" if ours else f"table_name = {literal(table)}"
    for row in session.fetch(_ENGINE.format(schema=_schema(schema), which=which)):
        engine = row["engine"]
        if row["type"] == "BASE TABLE" and engine and engine.upper() != "INNODB":
            name = qualified(schema, row["name"])
            raise ConfigError(
                f"table {name} is kept by engine {engine}, which has no transactions: a failed load would leave "
                "half of its rows",
                f"run: ALTER TABLE {name} ENGINE=InnoDB",
            )


def check_table(table: Table | None, spec: LoadSpec) -> Table:
    """Check that `spec` can be written.

    Raises:
        ConfigError: no such table or column; it lacks ours; merge without a unique index on the primary key.
    """
    name = qualified(spec.schema, spec.table)
    if table is None:
        raise ConfigError(f"table {name} does not exist", "create it, or let `check` create it")
    if missing := [column for column in spec.columns if column not in table.columns]:
        raise ConfigError(f"table {name} has no column {', '.join(missing)}", "add it, or leave it out")
    wanted = metadata_columns(spec)
    if spec.replace_run and not spec.metadata and not spec.replace_since:
        raise ConfigError(
            f"table {name}: a run that appends cannot be repeated: which rows it wrote is not kept",
            "set `metadata_columns: true`, or give the interface a primary_key",
        )
    if missing := [column for column in wanted if column not in table.columns]:
        adds = ", ".join(f"ADD COLUMN {column} {META[column]}" for column in missing)
        other = "write `deletes: hard`" if missing == [DELETED_AT] else "set `metadata_columns: false`"
        raise ConfigError(
            f"table {name} has no column {', '.join(missing)}", f"run: ALTER TABLE {name} {adds}; or {other}"
        )
    if spec.write == "merge" and frozenset(spec.primary_key) not in table.unique:
        index = quote(f"{spec.table}_key"[:MAX_IDENTIFIER])
        raise ConfigError(
            f"table {name} has no unique index on ({', '.join(spec.primary_key)}), which `write: merge` needs",
            f"create one: CREATE UNIQUE INDEX {index} ON {name} ({listed(spec.primary_key)})",
        )
    return table


def stage_sql(spec: LoadSpec, stage: str, table: Table) -> str:
    """Return what follows CREATE [TEMPORARY] TABLE: the target's own types, NOT NULLs and idea of equal keys.

    All in one statement: changing a table, even a temporary one, would commit.
    """
    # the key is decided with all rows; of a deleted row nothing else is asked
    free = tuple(spec.columns) if spec.deletes else spec.primary_key
    columns = [f"{quote(ROW)} bigint NOT NULL PRIMARY KEY"]
    columns += [_staged(name, table, name in free) for name in spec.columns]
    if spec.deletes:
        columns += [f"{quote(DELETED)} boolean NULL", f"KEY ({listed(spec.primary_key)})"]
    return f"{stage} (\n  " + ",\n  ".join(columns) + "\n) ENGINE=InnoDB"


def _staged(name: str, table: Table, free: bool) -> str:
    column = table.columns[name]
    charset, collation = table.charsets.get(name, ("", ""))
    words = f" CHARACTER SET {charset} COLLATE {collation}" if charset and column.kind != "json" else ""
    return f"{quote(name)} {column.raw}{words} {'NULL' if free or column.nullable else 'NOT NULL'}"


def _schema(schema: str | None) -> str:
    return literal(schema) if schema else "database()"
