"""Frames → CSV as PostgreSQL's COPY reads it: NULL is an empty field, an empty text is quoted."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl


def to_csv(frame: pl.DataFrame) -> bytes:
    """Return the rows as CSV, exact for every type a frame carries."""
    out = io.BytesIO()
    # a lone column is quoted throughout: an unquoted `\\.` on its line would end the data
    lone = frame.width == 1
    frame.select(_writable(frame)).write_csv(
        out, include_header=False, quote_style="non_numeric" if lone else "necessary"
    )
    return out.getvalue()


def to_texts(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the values as texts, as people read them."""
    import polars as pl

    return frame.select(_writable(frame)).cast(pl.String)


def lines(frame: pl.DataFrame) -> pl.Series:
    """Return, for each row, the number of the line of CSV it ends in, from 1; texts may hold line ends."""
    import polars as pl

    texts = [name for name, kind in frame.schema.items() if kind == pl.String]
    breaks = [pl.col(name).str.count_matches("\n", literal=True).fill_null(0).cast(pl.Int64) for name in texts]
    first = pl.int_range(1, pl.len() + 1, dtype=pl.Int64)
    return frame.select(first + (pl.sum_horizontal(breaks).cum_sum() if breaks else 0)).to_series()


def _writable(frame: pl.DataFrame) -> list[pl.Expr]:
    import polars as pl

    return [
        pl.concat_str(pl.lit("\\x"), pl.col(name).bin.encode("hex")) if kind == pl.Binary else pl.col(name)
        for name, kind in frame.schema.items()
    ]
