"""Any value as exact text: what quarantine, masks and messages show."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl


def as_text(column: str, dtype: pl.DataType) -> pl.Expr:
    """Return the column as text that reads back as the same value; NULL stays NULL.

    Dates and times are ISO, with up to six digits of a second and the offset where there is one; bytes are `\\x` and
    hexadecimal digits.
    """
    import polars as pl

    value = pl.col(column)
    if dtype == pl.String():
        return value
    if dtype == pl.Binary():
        return pl.concat_str([pl.lit("\\x"), value.bin.encode("hex")]).alias(column)
    if dtype == pl.Time():
        return value.dt.to_string("iso")
    if isinstance(dtype, pl.Datetime):
        text = value.dt.to_string("%Y-%m-%d %H:%M:%S%.6f").str.replace(r"\.000000$", "")
        return text + value.dt.to_string("%:z") if dtype.time_zone else text
    return value.cast(pl.String)
