"""MySQL's catalogue → column types."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sync_provider.core.contracts import ColumnType
from sync_provider.core.systems.mysql.names import literal

if TYPE_CHECKING:
    from sync_provider.core.systems.mysql.session import MySqlSession

_KINDS = {
    "tinyint": "int16", "smallint": "int16", "mediumint": "int32", "int": "int32", "bigint": "int64", "year": "int16",
    "float": "float32", "double": "float64", "decimal": "decimal",
    "char": "text", "varchar": "text", "tinytext": "text", "text": "text", "mediumtext": "text", "longtext": "text",
    "enum": "text", "set": "text", "json": "json", "uuid": "uuid",
    "binary": "binary", "varbinary": "binary", "tinyblob": "binary", "blob": "binary", "mediumblob": "binary",
    "longblob": "binary",
    "date": "date", "time": "time", "datetime": "timestamp", "timestamp": "timestamptz",
}  # fmt: skip
#: where the sign's bit is used for the number, the next wider type holds it
_UNSIGNED = {"smallint": "int32", "int": "int64"}
_FORM = re.compile(r"([a-z0-9]+)(?:\((\d+)(?:,(\d+))?\))?(.*)")
_JSON = re.compile(r"json_valid\([\"`](.+)[\"`]\)", re.IGNORECASE)

_COLUMNS = """
SELECT column_name AS name, column_type AS type, is_nullable = 'YES' AS nullable
FROM information_schema.columns WHERE table_schema = {schema} AND table_name = {table} ORDER BY ordinal_position"""
_CHECKS = """
SELECT check_clause AS said FROM information_schema.check_constraints
WHERE constraint_schema = {schema} AND table_name = {table}"""


def column_type(spelled: str, nullable: bool = True) -> ColumnType:
    """Return the type of a column.

    `tinyint(1)` is a number: MySQL keeps 0 to 127 in it. A `time` that is no time of day is met when it is read.

    Args:
        spelled: what `information_schema.columns.column_type` says; stays as `raw`.
    """
    match = _FORM.match(spelled.lower())
    if match is None:
        return ColumnType("other", nullable=nullable, raw=spelled)
    name, first, second, rest = match.groups()
    if name == "bit":
        return _bits(int(first or 1), nullable, spelled)
    if name == "bigint" and "unsigned" in rest:
        return ColumnType("decimal", 20, 0, nullable=nullable, raw=spelled)
    if name == "decimal":
        return ColumnType("decimal", int(first or 10), int(second or 0), nullable=nullable, raw=spelled)
    kind = _UNSIGNED.get(name) if "unsigned" in rest else None
    length = int(first) if name in ("char", "varchar") and first else None
    return ColumnType(kind or _KINDS.get(name, "other"), length=length, nullable=nullable, raw=spelled)


def _bits(width: int, nullable: bool, spelled: str) -> ColumnType:
    """Bits are a number: true or false where there is one, beyond 63 wider than any integer."""
    if width == 64:
        return ColumnType("decimal", 20, 0, nullable=nullable, raw=spelled)
    return ColumnType("boolean" if width == 1 else "int64", nullable=nullable, raw=spelled)


def table_columns(session: MySqlSession, schema: str | None, table: str) -> dict[str, ColumnType] | None:
    """Return the columns of a table or view in order, or None when it does not exist.

    Args:
        schema: database; None = that of the connection.
    """
    where = {"schema": literal(schema) if schema else "database()", "table": literal(table)}
    rows = session.fetch(_COLUMNS.format(**where))
    if not rows:
        return None
    found = {row["name"]: column_type(row["type"], bool(row["nullable"])) for row in rows}
    if any(kind.raw == "longtext" for kind in found.values()):
        _mark_json(session, where, found)
    return found


def _mark_json(session: MySqlSession, where: dict[str, str], found: dict[str, ColumnType]) -> None:
    """On MariaDB JSON is a text that is checked to be one."""
    if not session.is_mariadb:
        return
    for row in session.fetch(_CHECKS.format(**where)):
        checked = _JSON.fullmatch(str(row["said"]))
        if checked and checked[1] in found and found[checked[1]].raw == "longtext":
            found[checked[1]] = ColumnType("json", nullable=found[checked[1]].nullable, raw="json")
