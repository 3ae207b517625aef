"""`mask: {phone: {partial: {as: phone}}}`: 138****1234; keeps a little at the ends for people to recognise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sync_provider.core.contracts import check_params

if TYPE_CHECKING:
    import polars as pl

#: preset → characters kept at the start and at the end
_PRESETS = {"phone": (3, 4), "id": (6, 4), "card": (4, 4), "name": (1, 0), "email": (1, 0)}
#: more hidden characters than this are not told apart
_LONGEST = 400
_ENDS = {"keep_start", "keep_end"}
_DEFAULT = (1, 1)
#: at least one character in this many is hidden; a value too short for that is hidden altogether
_HIDDEN_OF = 3


class Partial:
    """Presets phone, id, card, name, email, or keep_start and keep_end; what is too short to share is hidden whole."""

    word = "partial"
    keeps_equality = False
    needs_key = False

    def parse(self, params: Mapping[str, Any]) -> None:
        """Check `as` or `keep_start`, `keep_end`, and `char`."""
        check_params(params, ("as", "keep_start", "keep_end", "char"), self.word)
        if "as" in params and params["as"] not in _PRESETS:
            raise ValueError(f"as {params['as']!r} is unknown\n  fix: use one of: {', '.join(_PRESETS)}")
        if "as" in params and _ENDS & set(params):
            raise ValueError("`as` already says what is kept\n  fix: remove keep_start and keep_end, or `as`")
        for name in ("keep_start", "keep_end"):
            kept = params.get(name, 0)
            if isinstance(kept, bool) or not isinstance(kept, int) or kept < 0:
                raise ValueError(f"{name} expects a number of characters, got {kept!r}\n  fix: write 0 or more")
        if not isinstance(params.get("char", "*"), str) or len(params.get("char", "*")) != 1:
            raise ValueError(f"char expects one character, got {params['char']!r}\n  fix: write `char: '*'`")

    def apply(self, column: str, params: Mapping[str, Any], key: bytes | None) -> pl.Expr:
        """Return the value with its middle hidden."""
        import polars as pl

        value, char = pl.col(column), params.get("char", "*")
        chosen = (params.get("keep_start", 0), params.get("keep_end", 0)) if _ENDS & set(params) else _DEFAULT
        start, end = _PRESETS.get(params.get("as", ""), chosen)
        total = value.str.len_chars().cast(pl.Int64)
        hidden = _stars(char, total)
        if params.get("as") == "email":
            return _email(value, hidden, char * 3).alias(column)
        covered = total - start - end
        parts = [value.str.head(start), _stars(char, pl.max_horizontal(covered, 0)), value.str.slice(total - end)]
        shared = pl.concat_str(parts) if end else pl.concat_str(parts[:2])
        return pl.when((covered > 0) & (covered * _HIDDEN_OF >= total)).then(shared).otherwise(hidden).alias(column)


def _stars(char: str, count: pl.Expr) -> pl.Expr:
    import polars as pl

    return pl.when(count.is_not_null()).then(pl.lit(char * _LONGEST).str.head(count))


def _email(value: pl.Expr, hidden: pl.Expr, stars: str) -> pl.Expr:
    """Keep the first letter and the domain; what does not look like an address is hidden whole."""
    import polars as pl

    domain = value.str.extract(r"^[^@\s]+@([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)$", 1)
    first = pl.when(value.str.contains(r"^[^@]{3,}@")).then(value.str.head(1)).otherwise(pl.lit(""))
    shared = pl.concat_str([first, pl.lit(stars + "@"), domain])
    return pl.when(domain.is_not_null()).then(shared).otherwise(hidden)


MASK = Partial()
