"""Text → number, boolean, date, time, JSON, UUID or bytes; NULL where the text is not exactly one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from sync_provider.core.contracts.types import ColumnType
from sync_provider.core.transforms import moments

if TYPE_CHECKING:
    import polars as pl

_TRUE = ["true", "t", "1", "yes", "y", "on"]
_FALSE = ["false", "f", "0", "no", "n", "off"]
_NOT_FINITE = ["nan", "inf", "+inf", "-inf", "infinity", "+infinity", "-infinity"]
_WHITE = " \t\r\n"
_EXPONENT = r"^[+-]?(?:\d+\.?\d*|\.\d+)[eE][+-]?\d{1,3}$"
#: a number with an exponent is not written out beyond so many digits
_DIGITS = 400


@dataclass(frozen=True, slots=True)
class Reader:
    """How a kind is read.

    Args:
        value: text expression → value expression; never wrong, NULL where unsure.
        closer: texts that were unsure → values; slower, for rare spellings.
    """

    value: Callable[[pl.Expr], pl.Expr]
    closer: Callable[[pl.Series], pl.Series] | None = None


def reader(want: ColumnType, dtype: pl.DataType, timezone: str | None) -> Reader:
    """Return the reader of a type. `dtype` is what its values are in a frame."""
    if want.kind == "decimal":
        return _decimal(want, dtype)
    if want.kind in ("date", "time", "timestamp", "timestamptz"):
        return Reader(moments.usual(want.kind, timezone), moments.closer(want.kind, timezone))
    simple = {
        "boolean": _boolean,
        "float32": lambda text: _float(text, dtype),
        "float64": lambda text: _float(text, dtype),
        "json": _json,
        "uuid": _uuid,
        "binary": _binary,
    }
    read = simple.get(want.kind)
    if read is None:
        return Reader(lambda text: text.cast(dtype, strict=False), _on_series(lambda text: _whole(text, dtype)))
    return Reader(read, None if want.kind == "json" else _on_series(lambda text: read(text.str.strip_chars(_WHITE))))


def _on_series(read: Callable[[pl.Expr], pl.Expr]) -> Callable[[pl.Series], pl.Series]:
    def closer(texts: pl.Series) -> pl.Series:
        import polars as pl

        return texts.to_frame("text").select(read(pl.col("text")).alias("value")).to_series()

    return closer


def _whole(text: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """An integer may have white space around it, and zeros after a point."""
    return text.str.strip_chars(_WHITE).str.replace(r"^([+-]?\d+)\.0*$", "$1").cast(dtype, strict=False)


def _boolean(text: pl.Expr) -> pl.Expr:
    import polars as pl

    lower = text.str.to_lowercase()
    return pl.when(lower.is_in(_TRUE)).then(True).when(lower.is_in(_FALSE)).then(False)


def _float(text: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """NaN and infinity are taken where they are written; a number too large for the type is none."""
    import polars as pl

    made = text.cast(pl.Float64, strict=False).cast(dtype)
    return pl.when(made.is_finite() | text.str.to_lowercase().is_in(_NOT_FINITE)).then(made)


def _json(text: pl.Expr) -> pl.Expr:
    """Valid JSON, kept as it is written: `1.10` stays `1.10`."""
    import polars as pl

    valid = text.str.json_path_match("$").is_not_null() | (text.str.strip_chars(_WHITE) == "null")
    return pl.when(valid).then(text)


def _uuid(text: pl.Expr) -> pl.Expr:
    import polars as pl

    shape = r"^(?:[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}|[0-9a-fA-F]{32})$"
    return pl.when(text.str.contains(shape)).then(text)


def _binary(text: pl.Expr) -> pl.Expr:
    """Bytes are written as `\\x00ff`."""
    import polars as pl

    shaped = pl.when(text.str.contains(r"^\\x(?:[0-9a-fA-F]{2})*$")).then(text.str.slice(2))
    return shaped.str.decode("hex", strict=False)


def _decimal(want: ColumnType, dtype: pl.DataType) -> Reader:
    """A decimal of bounded digits, or of any number of them (kept as exact text)."""
    import polars as pl

    if want.precision is None:
        shape = r"^[+-]?(?:\d+(?:\.\d*)?|\.\d+)$"
    else:
        scale = want.scale or 0
        whole = want.precision - scale
        tail = rf"(?:\.\d{{0,{scale}}})?"
        shape = rf"^[+-]?\d{{1,{whole}}}{tail}$" if whole else rf"^[+-]?(?:0|0?\.\d{{1,{scale}}})$"

    def value(text: pl.Expr) -> pl.Expr:
        return pl.when(text.str.contains(shape)).then(text).cast(dtype, strict=False)

    return Reader(value, _on_series(lambda text: value(_plain(text))))


def _plain(text: pl.Expr) -> pl.Expr:
    """Write a number in its shortest form: no white space, no exponent, no zeros that say nothing."""
    import polars as pl

    bare = text.str.strip_chars(_WHITE)
    written = (
        pl.when(bare.str.contains(_EXPONENT))
        .then(bare)
        .map_elements(_without_exponent, return_dtype=pl.String, skip_nulls=True)
    )
    number = pl.coalesce(written, bare)
    short = number.str.replace(r"^([+-]?)0+(\d)", "$1$2").str.replace(r"(\.\d*?)0+$", "$1")
    return short.str.replace(r"^([+-]?)\.(\d)", "${1}0.$2").str.replace(r"^([+-]?\d+)\.$", "$1")


def _without_exponent(text: str) -> str | None:
    exact = Decimal(text)
    return f"{exact:f}" if abs(exact.adjusted()) < _DIGITS else None
