"""`trim: [name, city]`: takes the spaces off both ends, half and full width; `trim: "*"` means every text column."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sync_provider.core.contracts import CleanStep, ColumnType, column_names

if TYPE_CHECKING:
    import polars as pl

#: stands for every text column
_ALL = ("*",)


class Trim:
    """White space as Unicode has it, U+3000 among it, and the invisible U+FEFF and U+200B; nothing within a text."""

    word = "trim"

    def parse(self, params: Any) -> CleanStep:
        """Read one column, a list of them, or `*`."""
        columns = column_names(params, self.word)
        return CleanStep(() if columns == _ALL else columns, exprs=lambda types: _trimmed(columns, types))


def _trimmed(columns: tuple[str, ...], types: Mapping[str, ColumnType]) -> dict[str, pl.Expr]:
    import polars as pl

    texts = [name for name, kind in types.items() if kind.kind == "text"]
    for name in columns if columns != _ALL else ():
        if name not in texts:
            raise ValueError(f"{name!r} is {types[name]}, and only texts are trimmed\n  fix: take it out of the list")
    found = texts if columns == _ALL else columns
    return {name: pl.col(name).str.replace_all(r"^[\s\u{feff}\u{200b}]+|[\s\u{feff}\u{200b}]+$", "") for name in found}


CLEANER = Trim()
