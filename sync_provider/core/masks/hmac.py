"""`mask: {email: {hmac: {key: mask_key}}}`: HMAC-SHA256 in hex, so that equal values stay equal and joins work."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sync_provider.core.contracts import check_params

if TYPE_CHECKING:
    import polars as pl


class Hmac:
    """Keyed, so that nobody without the key can try all phone numbers; the same key gives the same text for ever."""

    word = "hmac"
    keeps_equality = True
    needs_key = True

    def parse(self, params: Mapping[str, Any]) -> None:
        """Check `key`, the id of the connection that holds the key."""
        check_params(params, ("key",), self.word)
        if not isinstance(params.get("key"), str) or not params["key"]:
            raise ValueError("hmac needs a key\n  fix: write `{hmac: {key: <connection id>}}`")

    def apply(self, column: str, params: Mapping[str, Any], key: bytes | None) -> pl.Expr:
        """Return 64 hexadecimal digits for each value."""
        import polars as pl

        if not key:
            raise ValueError(
                f"the key of {column!r} is empty\n  fix: set the password of connection {params.get('key')!r}"
            )

        def digests(values: pl.Series) -> pl.Series:
            return values.map_elements(
                lambda text: hmac.digest(key, text.encode(), "sha256").hex(), return_dtype=pl.String, skip_nulls=True
            )

        return pl.col(column).map_batches(digests, return_dtype=pl.String, is_elementwise=True)


MASK = Hmac()
