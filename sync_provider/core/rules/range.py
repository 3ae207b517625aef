"""`range: {amount: {min: 0, max: 100}}`: the value lies between the bounds, both included."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sync_provider.core.contracts import ColumnType, RuleCase, column_params
from sync_provider.core.expressions.literals import literal

if TYPE_CHECKING:
    import polars as pl

_BOUNDS = {"min": "is below", "max": "is above"}


class Range:
    """Bounds are numbers, or dates and times as text; one of them may be left out."""

    word = "range"

    def parse(self, params: Any) -> Sequence[RuleCase]:
        """Read `{column: {min:, max:}}`."""
        cases = []
        for column, bounds in column_params(params, self.word, "{min: 0, max: 100}").items():
            if not isinstance(bounds, Mapping) or not bounds or not set(bounds) <= set(_BOUNDS):
                raise ValueError(f"{column!r} expects min and max, got {bounds!r}\n  fix: write `{{min: 0, max: 100}}`")
            _check_bounds(column, bounds)
            cases += [
                RuleCase((column,), _outside(column, side, bound), f"{_BOUNDS[side]} {bound}")
                for side, bound in bounds.items()
            ]
        return cases


def _check_bounds(column: str, bounds: Mapping[str, Any]) -> None:
    for side, bound in bounds.items():
        if isinstance(bound, bool) or not isinstance(bound, (int, float, str)):
            raise ValueError(f"{column!r}: {side} is a number or a date, got {bound!r}")
    low, high = bounds.get("min"), bounds.get("max")
    if low is not None and high is not None and isinstance(low, str) == isinstance(high, str) and low > high:
        raise ValueError(f"{column!r}: min {low} is above max {high}\n  fix: swap them")


def _outside(column: str, side: str, bound: Any) -> Any:
    def broken(types: Mapping[str, ColumnType]) -> pl.Expr:
        import polars as pl

        limit = literal(bound, column, types[column])
        return pl.col(column) < limit if side == "min" else pl.col(column) > limit

    return broken


RULE = Range()
