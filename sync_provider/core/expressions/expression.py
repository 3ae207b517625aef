"""A parsed row expression: made into polars once the columns' types are known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sync_provider.core.contracts.frames import row_type
from sync_provider.core.contracts.types import ColumnType
from sync_provider.core.expressions.functions import PARSED_TYPES, words
from sync_provider.core.expressions.names import unknown_name

if TYPE_CHECKING:
    import polars as pl

_NUMBERS = words("int16 int32 int64 decimal float32 float64")
_TIMES = words("date time timestamp timestamptz")
_LITERALS = {
    "date": "date '2026-01-31'",
    "time": "time '10:00:00'",
    "timestamp": "timestamp '2026-01-31 10:00:00'",
    "timestamptz": "timestamptz '2026-01-31 10:00:00'",
}


@dataclass(frozen=True, slots=True)
class StrictCast:
    """A `cast(operand as type)` in an expression; it never stops a batch, its bad rows are told apart."""

    operand: str
    type: str


@dataclass(frozen=True, slots=True)
class CastGuard:
    """Tells the rows whose value a cast cannot take.

    Args:
        columns: what the operand reads.
        type: as written.
        failed: true where the operand has a value and the cast has none.
    """

    columns: tuple[str, ...]
    type: str
    failed: pl.Expr


@dataclass(frozen=True, slots=True)
class Expression:
    """A row expression, checked but for the types of its columns. Made by `parse`.

    Args:
        text: as written.
        columns: names it reads, in order.
        lenient: `text` with every cast made to give NULL where it cannot be done.
        casts: those casts.
    """

    text: str
    columns: tuple[str, ...]
    lenient: str
    casts: tuple[StrictCast, ...] = ()

    def compile(self, types: Mapping[str, ColumnType]) -> pl.Expr:
        """Return the polars expression.

        Args:
            types: the columns there are; in the frame they must be of `row_type`.

        Raises:
            ValueError: a column is unknown, or types do not fit together.
        """
        self._result(types)
        return _sql(self.lenient)

    def condition(self, types: Mapping[str, ColumnType]) -> pl.Expr:
        """Return the polars expression of a condition. Raises ValueError where it is not true or false."""
        import polars as pl

        result = self._result(types)
        if result not in (pl.Boolean(), pl.Null()):
            kind = str(_column_type(result, self.text))
            raise ValueError(f"{self.text!r} gives {kind}, not true or false\n  fix: write a comparison")
        return _sql(self.lenient)

    def result(self, types: Mapping[str, ColumnType]) -> ColumnType:
        """Return the type of the values it gives. Raises ValueError as `compile` does."""
        return _column_type(self._result(types), self.text)

    def guards(self, types: Mapping[str, ColumnType]) -> list[CastGuard]:
        """Return what tells the rows where a cast cannot be done. Raises ValueError as `compile` does."""
        import polars as pl

        found = []
        for cast in self.casts:
            if _types_of(cast.operand, types) == pl.String() and cast.type.lower() in PARSED_TYPES:
                raise ValueError(
                    f"cast({cast.operand} as {cast.type}): text is not cast to {cast.type} in an expression"
                    f"\n  fix: give the column `type: {cast.type}` under `columns:`"
                )
            operand, value = _sql(cast.operand), _sql(f"try_cast({cast.operand} as {cast.type})")
            columns = tuple(name for name in operand.meta.root_names() if name in types)
            found.append(CastGuard(columns, cast.type, operand.is_not_null() & value.is_null()))
        return found

    def _result(self, types: Mapping[str, ColumnType]) -> pl.DataType:
        for name in self.columns:
            if name not in types:
                place = f" at character {self.text.find(name) + 1}"
                raise ValueError(unknown_name("column", name, types, place))
        _check_comparisons(self.text, types)
        self.guards(types)
        return _types_of(self.lenient, types)


def _sql(text: str) -> pl.Expr:
    import polars as pl

    try:
        return pl.sql_expr(text)
    except pl.exceptions.PolarsError as error:
        raise ValueError(f"{text!r}: {_first_line(error)}") from error


def _types_of(text: str, types: Mapping[str, ColumnType]) -> pl.DataType:
    """Evaluate on no rows, which finds what does not fit without reading any data."""
    import polars as pl

    empty = pl.DataFrame(schema={name: row_type(kind) for name, kind in types.items()})
    try:
        return empty.select(_sql(text).alias("value")).schema["value"]
    except pl.exceptions.PolarsError as error:
        raise ValueError(f"{text!r}: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0].rstrip(":")


def _check_comparisons(text: str, types: Mapping[str, ColumnType]) -> None:
    """Name the column where one is compared with a literal of another kind: polars only says that types differ."""
    import sqlglot
    from sqlglot import expressions as nodes

    tree = sqlglot.parse_one(text)
    shapes = (nodes.EQ, nodes.NEQ, nodes.GT, nodes.GTE, nodes.LT, nodes.LTE, nodes.Between, nodes.In)
    for node in tree.find_all(*shapes):
        sides = [node.this, *(node.args.get(key) for key in ("expression", "low", "high")), *node.expressions]
        columns = [side for side in sides if isinstance(side, nodes.Column)]
        for side in sides:
            literal = side.this if isinstance(side, nodes.Neg) else side
            if columns and isinstance(literal, nodes.Literal):
                _check_literal(columns[0].name, types[columns[0].name], literal, side.sql())


def _check_literal(column: str, kind: ColumnType, literal: Any, shown: str) -> None:
    if kind.kind in ("text", "other", "json", "uuid") and not literal.is_string:
        raise ValueError(
            f"{column!r} is {kind} and is compared with the number {shown}"
            f"\n  fix: write cast({column} as double), or give the column a `type:` under `columns:`"
        )
    if kind.kind in _NUMBERS and literal.is_string:
        raise ValueError(
            f"{column!r} is {kind} and is compared with the text {shown}\n  fix: write a number, no quotes"
        )
    if kind.kind in _TIMES:
        raise ValueError(
            f"{column!r} is {kind} and is compared with {shown}\n  fix: write it as {_LITERALS[kind.kind]}"
        )


def _column_type(dtype: pl.DataType, text: str) -> ColumnType:
    import polars as pl

    if isinstance(dtype, pl.Decimal):
        return ColumnType("decimal", precision=dtype.precision, scale=dtype.scale)
    if isinstance(dtype, pl.Datetime):
        return ColumnType("timestamptz" if dtype.time_zone else "timestamp")
    kind = _KINDS.get(str(dtype))
    if kind is None:
        raise ValueError(f"{text!r} gives {dtype}, which no column can hold\n  fix: cast it to a column type")
    return ColumnType(kind)


_KINDS = {
    "String": "text", "Null": "text", "Boolean": "boolean", "Date": "date", "Time": "time", "Binary": "binary",
    "Int8": "int16", "Int16": "int16", "Int32": "int32", "Int64": "int64", "UInt8": "int16", "UInt16": "int32",
    "UInt32": "int64", "Float32": "float32", "Float64": "float64",
}  # fmt: skip
