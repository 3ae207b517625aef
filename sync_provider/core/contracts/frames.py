"""What a column type is in a frame: the polars type its values travel as."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync_provider.core.contracts.types import ColumnType

if TYPE_CHECKING:
    import polars as pl

#: most digits a frame's decimal can hold; wider ones travel as exact text
DECIMAL_DIGITS = 38


def frame_type(column: ColumnType) -> pl.DataType:
    """Return the polars type of a column's values.

    `json`, `uuid` and `other` are String; so is a decimal without bounds, or one of more than 38 digits: no frame
    type holds it exactly. `timestamp` is naive, `timestamptz` is UTC, both in microseconds.
    """
    import polars as pl

    if column.kind == "decimal":
        if column.precision is None or column.precision > DECIMAL_DIGITS:
            return pl.String()
        return pl.Decimal(column.precision, column.scale or 0)
    simple: dict[str, pl.DataType] = {
        "int16": pl.Int16(),
        "int32": pl.Int32(),
        "int64": pl.Int64(),
        "float32": pl.Float32(),
        "float64": pl.Float64(),
        "boolean": pl.Boolean(),
        "date": pl.Date(),
        "time": pl.Time(),
        "timestamp": pl.Datetime("us"),
        "timestamptz": pl.Datetime("us", "UTC"),
        "binary": pl.Binary(),
    }
    return simple.get(column.kind, pl.String())


def row_type(column: ColumnType) -> pl.DataType:
    """Return the polars type a rule or an expression sees: `frame_type`, but every decimal is a number.

    A decimal without bounds is compared as Float64; the value that is written stays the exact text.
    """
    import polars as pl

    kept = frame_type(column)
    return pl.Float64() if column.kind == "decimal" and kept == pl.String() else kept
