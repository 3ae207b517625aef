"""`in: {status: [paid, shipped]}`: the value is one of those listed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sync_provider.core.contracts import ColumnType, RuleCase, column_params
from sync_provider.core.expressions.literals import plain

if TYPE_CHECKING:
    import polars as pl

#: members shown in a message
_SHOWN = 6


class In:
    """Members are compared as values of the column's type; upper and lower case differ."""

    word = "in"

    def parse(self, params: Any) -> Sequence[RuleCase]:
        """Read `{column: [member, …]}`."""
        cases = []
        for column, members in column_params(params, self.word, "[a, b]").items():
            if not isinstance(members, (list, tuple)) or not members:
                raise ValueError(f"{column!r} expects a list of values, got {members!r}\n  fix: write `[a, b]`")
            if any(member is None for member in members):
                raise ValueError(f"{column!r}: null is never a broken value\n  fix: take null out of the list")
            shown = ", ".join(map(str, members[:_SHOWN])) + (", …" if len(members) > _SHOWN else "")
            cases.append(RuleCase((column,), _not_among(column, members), f"is not one of {shown}"))
        return cases


def _not_among(column: str, members: Sequence[Any]) -> Any:
    def broken(types: Mapping[str, ColumnType]) -> pl.Expr:
        import polars as pl

        values = [plain(member, column, types[column]) for member in members]
        if all(isinstance(value, str) for value in values):
            return ~pl.col(column).is_in(values)
        return ~pl.any_horizontal(pl.col(column) == value for value in values)

    return broken


RULE = In()
