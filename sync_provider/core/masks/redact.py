"""`mask: {note: redact}`: one constant in place of every value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sync_provider.core.contracts import check_params

if TYPE_CHECKING:
    import polars as pl

_DEFAULT = "***"


class Redact:
    """Nothing of the value is left, not even its length; NULL stays NULL."""

    word = "redact"
    keeps_equality = False
    needs_key = False

    def parse(self, params: Mapping[str, Any]) -> None:
        """Check `value`, the constant."""
        check_params(params, ("value",), self.word)
        if not isinstance(params.get("value", _DEFAULT), str):
            raise ValueError(f"value expects a text, got {params['value']!r}\n  fix: write it in quotes")

    def apply(self, column: str, params: Mapping[str, Any], key: bytes | None) -> pl.Expr:
        """Return the constant wherever there is a value."""
        import polars as pl

        return pl.when(pl.col(column).is_not_null()).then(pl.lit(params.get("value", _DEFAULT))).alias(column)


MASK = Redact()
