"""Text → date, time, timestamp: ISO forms, at most six digits of a second, nothing rounded, no clock guessed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

_CLOCK = r"(?:[01]\d|2[0-3]):[0-5]\d"
_SECONDS = r":[0-5]\d(?:\.\d{1,6})?"
#: no calendar has a year 0, though MySQL keeps one
_DAY = r"(?:[1-9]\d{3}|0[1-9]\d{2}|00[1-9]\d|000[1-9])-\d{2}-\d{2}"
_OFFSET = r"(Z|[+-]\d{2}(?::?\d{2})?)$"
_STAMP = "%Y-%m-%d %H:%M:%S%.f"
#: what a date or a timestamp may look like once its parts are written with two digits
_USUAL = {
    "date": rf"^{_DAY}$",
    "time": rf"^{_CLOCK}{_SECONDS}$",
    "timestamp": rf"^{_DAY} {_CLOCK}{_SECONDS}$",
    "timestamptz": rf"^{_DAY} {_CLOCK}{_SECONDS}(?:Z|[+-]\d{{2}}(?::?\d{{2}})?)?$",
}


def usual(kind: str, timezone: str | None) -> Callable[[pl.Expr], pl.Expr]:
    """Return how the spelling nearly all systems use is read; anything else gives NULL."""

    def read(text: pl.Expr) -> pl.Expr:
        import polars as pl

        shaped = pl.when(text.str.contains(_USUAL[kind])).then(text)
        if kind == "date":
            return shaped.str.to_date("%Y-%m-%d", strict=False)
        if kind == "time":
            return shaped.str.to_time("%H:%M:%S%.f", strict=False)
        if kind == "timestamp":
            return shaped.str.to_datetime(_STAMP, strict=False, time_unit="us")
        return _instant(shaped, timezone or "UTC")

    return read


def closer(kind: str, timezone: str | None) -> Callable[[pl.Series], pl.Series]:
    """Return how the other spellings are read: `2026-1-5`, `T`, no seconds, a date for its midnight, white space."""

    def look(texts: pl.Series) -> pl.Series:
        import polars as pl

        frame = texts.to_frame("text").select(_two_digits(pl.col("text").str.strip_chars(" \t\r\n")).alias("text"))
        text = pl.col("text")
        if kind == "time":
            whole = text.str.replace(rf"^({_CLOCK})$", "${1}:00")
            return frame.select(usual("time", None)(whole)).to_series()
        stamp = _stamp(text)
        if kind == "date":
            moment = usual("timestamp", None)(stamp) if timezone is None else _wall_clock(stamp, timezone)
            return frame.select(pl.when(moment.dt.truncate("1d") == moment).then(moment.dt.date())).to_series()
        if kind == "timestamp" and timezone is not None:
            return frame.select(_wall_clock(stamp, timezone)).to_series()
        return frame.select(usual(kind, timezone)(stamp)).to_series()

    return look


def _two_digits(text: pl.Expr) -> pl.Expr:
    """`2026-1-5 9:00` → `2026-01-05 09:00`."""
    text = text.str.replace(r"^(\d{4}-)(\d)-", "${1}0$2-").str.replace(r"^(\d{4}-\d{2}-)(\d)(T| |$)", "${1}0$2$3")
    return text.str.replace(r"^((?:\d{4}-\d{2}-\d{2}[T ])?)(\d:)", "${1}0$2")


def _stamp(text: pl.Expr) -> pl.Expr:
    """Write the separator, the seconds and the midnight that were left out."""
    text = text.str.replace(rf"^({_DAY})$", "$1 00:00:00").str.replace(rf"^({_DAY})T", "$1 ")
    return text.str.replace(rf"^({_DAY} {_CLOCK})( ?(?:Z|[+-][\d:]+)?)$", "${1}:00$2").str.replace(
        r" (Z|[+-][\d:]+)$", "$1"
    )


def _wall_clock(stamp: pl.Expr, timezone: str) -> pl.Expr:
    """What the clock of `timezone` shows: an offset is converted, without one it is that clock already."""
    import polars as pl

    here = usual("timestamp", None)(stamp)
    elsewhere = _instant(pl.when(stamp.str.contains(_USUAL["timestamptz"])).then(stamp), timezone)
    return pl.coalesce(here, elsewhere.dt.convert_time_zone(timezone).dt.replace_time_zone(None))


def _instant(shaped: pl.Expr, timezone: str) -> pl.Expr:
    """An offset decides; without one it is `timezone`, and an hour that is there twice or never gives NULL."""
    import polars as pl

    offset = shaped.str.extract(_OFFSET, 1)
    naive = shaped.str.replace(_OFFSET, "").str.to_datetime(_STAMP, strict=False, time_unit="us")
    digits = offset.str.replace_all(r"[+:Z-]", "")
    minutes = digits.str.slice(0, 2).cast(pl.Int64, strict=False).fill_null(0) * 60 + digits.str.slice(2, 2).cast(
        pl.Int64, strict=False
    ).fill_null(0)
    shift = pl.duration(minutes=minutes * pl.when(offset.str.starts_with("-")).then(-1).otherwise(1))
    utc = (naive - shift).dt.replace_time_zone("UTC")
    local = naive.dt.replace_time_zone(timezone, ambiguous="null", non_existent="null").dt.convert_time_zone("UTC")
    return pl.when(offset.is_not_null()).then(utc).otherwise(local)
