"""`drop_null: [id]`: removes rows without a value; they are counted as dropped, not as rejected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sync_provider.core.contracts import CleanStep, ColumnType, column_names

if TYPE_CHECKING:
    import polars as pl


class DropNull:
    """A row goes when any of the columns is NULL; an empty text stays."""

    word = "drop_null"

    def parse(self, params: Any) -> CleanStep:
        """Read one column or a list of them."""
        columns = column_names(params, self.word)
        return CleanStep(columns, keep=lambda types: _present(columns, types))


def _present(columns: tuple[str, ...], types: Mapping[str, ColumnType]) -> pl.Expr:
    import polars as pl

    return pl.all_horizontal(pl.col(name).is_not_null() for name in columns)


CLEANER = DropNull()
