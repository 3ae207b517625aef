"""`expr: "paid_at is null or paid_at >= created_at"`: the condition is not false, as in an SQL CHECK."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sync_provider.core.contracts import ColumnType, RuleCase
from sync_provider.core.expressions import Expression, parse

if TYPE_CHECKING:
    import polars as pl


class Expr:
    """A condition over the row's own columns; NULL passes, and what has no answer breaks it."""

    word = "expr"

    def parse(self, params: Any) -> Sequence[RuleCase]:
        """Read the condition."""
        expression = parse(params)
        if not expression.columns:
            raise ValueError(f"{params!r} reads no column\n  fix: name a column in the condition")
        return [RuleCase(expression.columns, _is_false(expression), f"breaks {expression.text}")]


def _is_false(expression: Expression) -> Any:
    def broken(types: Mapping[str, ColumnType]) -> pl.Expr:
        import polars as pl

        condition = expression.condition(types)
        false = ~condition.value.fill_null(True)
        return pl.any_horizontal(false, *(guard.failed for guard in condition.guards))

    return broken


RULE = Expr()
