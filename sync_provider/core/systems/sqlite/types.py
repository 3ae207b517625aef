"""SQLite's declared types → column types. They are hints: a column may hold anything."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

from sync_provider.core.contracts import ColumnType, parse_type
from sync_provider.core.systems.sqlite.names import quote

#: part of a declared type → kind; the first that is found counts
_PARTS = (
    ("timestamptz", "timestamptz"), ("time zone", "timestamptz"), ("datetime", "timestamp"), ("timestamp", "timestamp"),
    ("date", "date"), ("time", "time"), ("bool", "boolean"), ("int", "int64"),
    ("char", "text"), ("clob", "text"), ("text", "text"), ("blob", "binary"),
    ("real", "float64"), ("floa", "float64"), ("doub", "float64"), ("dec", "decimal"), ("num", "decimal"),
)  # fmt: skip
_WIDEST = {"int16": "int64", "int32": "int64", "float32": "float64"}
_STORED = {"integer": "int64", "real": "float64", "text": "text", "blob": "binary"}
_SAMPLE_ROWS = 1000


def declared_type(declared: str, nullable: bool = True) -> ColumnType | None:
    """Return the type a declaration means; None where it means none.

    Integers and floats are always 8 bytes wide, and no length is kept: SQLite enforces neither.
    """
    try:
        found = parse_type(declared)
    except ValueError:
        part = next((kind for part, kind in _PARTS if part in declared.lower()), None)
        return ColumnType(part, nullable=nullable, raw=declared) if part else None
    return replace(found, kind=_WIDEST.get(found.kind, found.kind), length=None, nullable=nullable, raw=declared)


def table_columns(connection: sqlite3.Connection, table: str) -> dict[str, ColumnType] | None:
    """Return the columns of a table or view in order, or None when it does not exist.

    A column without a declared type (an expression of a view) is what its first rows hold.
    """
    filled = "\"notnull\" OR (pk AND upper(type) = 'INTEGER')"
    sql = f"SELECT name, type, {filled} FROM pragma_table_xinfo(?) WHERE hidden <> 1"
    rows = connection.execute(sql, (table,)).fetchall()
    if not rows:
        return None
    return {
        name: declared_type(declared, not filled) or _sampled(connection, table, name, declared)
        for name, declared, filled in rows
    }


def query_columns(connection: sqlite3.Connection, query: str) -> dict[str, ColumnType]:
    """Return the columns of a query in order."""
    connection.execute(f"CREATE TEMPORARY VIEW _sync_columns AS {query}\n")
    try:
        return table_columns(connection, "_sync_columns") or {}
    finally:
        connection.execute("DROP VIEW temp._sync_columns")


def _sampled(connection: sqlite3.Connection, table: str, column: str, declared: str) -> ColumnType:
    name = quote(column)
    inner = f"SELECT {name} FROM {quote(table)} WHERE {name} IS NOT NULL LIMIT {_SAMPLE_ROWS}"
    kinds = {row[0] for row in connection.execute(f"SELECT DISTINCT typeof({name}) FROM ({inner})")}
    if kinds == {"integer", "real"}:
        kinds = {"real"}
    kind = _STORED[kinds.pop()] if len(kinds) == 1 else "text"
    return ColumnType(kind, raw=declared)
