"""`not_null: [id, user_id]`: the columns have a value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sync_provider.core.contracts import ColumnType, RuleCase, column_names

if TYPE_CHECKING:
    import polars as pl


class NotNull:
    """A missing value breaks it; an empty text does not."""

    word = "not_null"

    def parse(self, params: Any) -> Sequence[RuleCase]:
        """Read one column or a list of them."""
        return [RuleCase((name,), _is_null(name), "is null") for name in column_names(params, self.word)]


def _is_null(name: str) -> Any:
    def broken(types: Mapping[str, ColumnType]) -> pl.Expr:
        import polars as pl

        return pl.col(name).is_null()

    return broken


RULE = NotNull()
