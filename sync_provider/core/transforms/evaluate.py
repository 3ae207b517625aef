"""Evaluates expressions over a frame so that one row on which one fails does not fail the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl


def evaluate(frame: pl.DataFrame, exprs: Mapping[str, pl.Expr]) -> tuple[pl.DataFrame, dict[str, pl.Series]]:
    """Evaluate row expressions.

    Returns:
        One column per expression, and for each that stopped on some rows (a decimal divided by zero) the mask of
        those rows; there the column is NULL.
    """
    import polars as pl

    try:
        return frame.with_columns(expr.alias(name) for name, expr in exprs.items()).select(list(exprs)), {}
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
        columns, failed = [], {}
        for name, expr in exprs.items():
            parts = list(_halves(frame, expr, name))
            columns.append(pl.concat(values for values, _ in parts))
            stopped = pl.concat(pl.repeat(stops, values.len(), dtype=pl.Boolean, eager=True) for values, stops in parts)
            if stopped.any():
                failed[name] = stopped
        return pl.DataFrame(columns), failed


def _halves(frame: pl.DataFrame, expr: pl.Expr, name: str) -> Iterator[tuple[pl.Series, bool]]:
    """Yield values of consecutive rows; (one NULL, True) for each row that stops the expression."""
    import polars as pl

    try:
        yield frame.with_columns(expr.alias(name))[name], False
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
        if frame.height == 1:
            yield frame.clear().with_columns(expr.alias(name))[name].extend_constant(None, 1), True
            return
        middle = frame.height // 2
        yield from _halves(frame.head(middle), expr, name)
        yield from _halves(frame.slice(middle), expr, name)
