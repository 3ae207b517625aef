"""`fill: {remark: "", qty: 0}`: puts a fixed value where there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sync_provider.core.contracts import CleanStep, ColumnType, column_params
from sync_provider.core.contracts.frames import frame_type
from sync_provider.core.expressions.literals import plain

if TYPE_CHECKING:
    import polars as pl


class Fill:
    """NULL becomes the value; an empty text is a value and stays."""

    word = "fill"

    def parse(self, params: Any) -> CleanStep:
        """Read `{column: value}`."""
        values = dict(column_params(params, self.word, '""'))
        for column, value in values.items():
            if value is None or isinstance(value, (list, dict)):
                raise ValueError(
                    f"{column!r} expects a value, got {value!r}\n  fix: write a text, a number or true/false"
                )
        return CleanStep(
            tuple(values),
            exprs=lambda types: {name: _filled(name, value, types[name]) for name, value in values.items()},
        )


def _filled(name: str, value: Any, kind: ColumnType) -> pl.Expr:
    import polars as pl

    exact = plain(value, name, kind)
    if kind.length is not None and isinstance(exact, str) and len(exact) > kind.length:
        raise ValueError(f"{value!r} is longer than {name!r}, which is {kind}\n  fix: write a shorter value")
    dtype = frame_type(kind)
    fits = dtype == pl.String() or pl.select(pl.lit(exact).cast(dtype, strict=False) == exact).item()
    if not fits:
        raise ValueError(f"{value!r} does not fit {name!r}, which is {kind}\n  fix: write a value of that type")
    return pl.col(name).fill_null(pl.lit(str(value) if dtype == pl.String() else exact).cast(dtype))


CLEANER = Fill()
