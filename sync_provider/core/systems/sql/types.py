"""What SQLAlchemy reflects → column types; a query has none to reflect, so its first values tell."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sync_provider.core.contracts import ColumnType
from sync_provider.core.systems.rows import Row
from sync_provider.core.systems.sql.connect import SqlConnection

if TYPE_CHECKING:
    from sqlalchemy.types import TypeEngine

_SAMPLE_ROWS = 1000
#: integers of these dialects are wider than their name says
_INTEGER = {"sqlite": ColumnType("int64"), "oracle": ColumnType("decimal", 38, 0)}
#: types of one dialect whose class says too little
_NAMED: dict[str, dict[str, ColumnType]] = {
    "postgresql": {"REAL": ColumnType("float32")},
    "mssql": {
        "MONEY": ColumnType("decimal", 19, 4), "SMALLMONEY": ColumnType("decimal", 10, 4),
        "DATETIMEOFFSET": ColumnType("timestamptz"), "UNIQUEIDENTIFIER": ColumnType("uuid"),
        "REAL": ColumnType("float32"), "BIT": ColumnType("boolean"), "TINYINT": ColumnType("int16"),
    },
}  # fmt: skip


def reflected(kind: TypeEngine[Any], backend: str, nullable: bool) -> ColumnType:
    """Return the column type of a reflected one; `other` where this source has no way to carry it exactly."""
    named = _NAMED.get(backend, {}).get(str(kind.__visit_name__).upper())
    found = named or _by_class(kind, backend) or ColumnType("other")
    return ColumnType(found.kind, found.precision, found.scale, found.length, nullable, _spelled(kind))


def _spelled(kind: TypeEngine[Any]) -> str:
    import sqlalchemy as sa

    try:
        return str(kind)
    except sa.exc.SQLAlchemyError:
        return type(kind).__name__


def _by_class(kind: TypeEngine[Any], backend: str) -> ColumnType | None:
    import sqlalchemy as sa

    if isinstance(kind, sa.Boolean):
        return ColumnType("boolean")
    if isinstance(kind, sa.String):
        return ColumnType("text", length=kind.length if backend != "sqlite" else None)
    if isinstance(kind, sa.Integer) and backend in _INTEGER:
        return _INTEGER[backend]
    if isinstance(kind, sa.Float):
        return ColumnType("float64")
    if isinstance(kind, sa.Numeric):
        return ColumnType("decimal", kind.precision, kind.scale or 0 if kind.precision else None)
    if isinstance(kind, sa.DateTime):
        return ColumnType("timestamptz" if kind.timezone else "timestamp")
    if isinstance(kind, sa.Time):
        return None if kind.timezone else ColumnType("time")
    simple: tuple[tuple[type[TypeEngine[Any]], str], ...] = (
        (sa.SmallInteger, "int16"), (sa.BigInteger, "int64"), (sa.Integer, "int32"), (sa.Date, "date"),
        (sa.types._Binary, "binary"), (sa.JSON, "json"), (sa.Uuid, "uuid"),
    )  # fmt: skip
    return next((ColumnType(word) for known, word in simple if isinstance(kind, known)), None)


def table_columns(connection: SqlConnection, schema: str | None, table: str) -> dict[str, ColumnType] | None:
    """Return the columns of a table or view in order, or None when it does not exist."""
    import sqlalchemy as sa

    backend = connection.backend
    with connection.failing():
        try:
            found = connection.inspector().get_columns(table, schema)
        except sa.exc.NoSuchTableError:
            return None
    return {str(one["name"]): reflected(one["type"], backend, bool(one.get("nullable", True))) for one in found}


def primary_key(connection: SqlConnection, schema: str | None, table: str) -> tuple[str, ...]:
    """Return the columns of a table's primary key; empty where it has none."""
    with connection.failing():
        return tuple(connection.inspector().get_pk_constraint(table, schema)["constrained_columns"])


def query_columns(connection: SqlConnection, source: Any) -> dict[str, ColumnType]:
    """Return the columns of a query in order, each of the type that its first values have; text where none says."""
    import sqlalchemy as sa

    names, rows = connection.head(sa.select(sa.literal_column("*")).select_from(source).limit(_SAMPLE_ROWS))
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(names)
    return {name: _sampled(values) for name, values in zip(names, columns, strict=True)}


def _sampled(values: Sequence[Row] | Sequence[Any]) -> ColumnType:
    kinds = {_python_kind(value) for value in values if value is not None}
    if kinds == {"int64", "float64"}:
        kinds = {"float64"}
    return ColumnType(kinds.pop() if len(kinds) == 1 else "text")


def _python_kind(value: Any) -> str:
    if isinstance(value, datetime):
        return "timestamptz" if value.tzinfo else "timestamp"
    simple: tuple[tuple[Any, str], ...] = (
        (bool, "boolean"), (int, "int64"), (Decimal, "decimal"), (float, "float64"), (date, "date"), (time, "time"),
        (UUID, "uuid"), ((bytes, bytearray, memoryview), "binary"),
    )  # fmt: skip
    return next((word for known, word in simple if isinstance(value, known)), "text")
