"""Worked example of a rule of one's own: a barcode's check digit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sync_provider.core.contracts import RuleCase

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Ean13:
    """Thirteen digits whose weighted sum is a multiple of ten."""

    word: str = "ean13"

    def parse(self, params: Any) -> list[RuleCase]:
        """Return one case per column named, `[barcode]` or `barcode`."""
        columns = [params] if isinstance(params, str) else params
        if not isinstance(columns, list) or not all(isinstance(name, str) for name in columns):
            raise ValueError("want a list of columns, e.g. `shop_rules.ean13:RULE: [barcode]`")
        return [RuleCase((name,), lambda types, name=name: _broken(name), "is no EAN-13 barcode") for name in columns]


def _broken(column: str) -> pl.Expr:
    import polars as pl  # inside, so that reading YAML does not load it

    text = pl.col(column).cast(pl.String)
    digits = [text.str.slice(place, 1).cast(pl.Int32, strict=False) for place in range(13)]
    total = pl.sum_horizontal(digit * (3 if place % 2 else 1) for place, digit in enumerate(digits))
    return text.str.contains(r"^[0-9]{13}$").not_() | (total % 10 != 0)


RULE = Ean13()
