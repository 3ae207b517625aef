"""A source column → a target column's type: strict and exact, so that what does not fit is told apart, not bent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sync_provider.core.contracts.frames import frame_type
from sync_provider.core.contracts.types import ColumnType
from sync_provider.core.transforms import parsing
from sync_provider.core.transforms.texts import as_text

if TYPE_CHECKING:
    import polars as pl

_INTEGERS = ("int16", "int32", "int64")
_FLOATS = ("float32", "float64")
_NUMBERS = (*_INTEGERS, "decimal", *_FLOATS)
#: kind → kinds it can become; text becomes anything, anything becomes text
_CAN_BECOME: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(_INTEGERS, (*_NUMBERS, "boolean")),
    **dict.fromkeys(("decimal", *_FLOATS), _NUMBERS),
    "boolean": ("boolean", *_INTEGERS),  # MySQL's boolean is a small number
    "date": ("date", "timestamp", "timestamptz"),
    "time": ("time",),
    "timestamp": ("date", "timestamp", "timestamptz"),
    "timestamptz": ("date", "timestamp", "timestamptz"),
    "json": ("json",),
    "uuid": ("uuid",),
    "binary": ("binary",),
}


@dataclass(frozen=True, slots=True)
class Cast:
    """How one column is made into its type.

    Args:
        text: the source value as text.
        value: the value; NULL where there is none, and where it takes a closer look.
        closer: takes the texts for which `value` was NULL and gives their values, NULL where they have none;
            None = there is nothing to look closer at.
    """

    text: pl.Expr
    value: pl.Expr
    closer: Callable[[pl.Series], pl.Series] | None = None


def refusal(have: ColumnType, want: ColumnType, timezone: str | None = None) -> str | None:
    """Return why no value of one type can be of the other (with the fix), or None when it can."""
    if want.kind in ("text", "other") or have.kind in ("text", "other"):
        return None
    if want.kind not in _CAN_BECOME[have.kind]:
        return f"{have} cannot become {want}\n  fix: leave the type out, or compute the column with `expr:`"
    if have.kind == "timestamptz" and want.kind in ("timestamp", "date") and timezone is None:
        return f"{have} becomes {want} only in a time zone\n  fix: add `timezone: UTC` (or yours) to the column"
    return None


def cast(column: str, have: ColumnType, dtype: pl.DataType, want: ColumnType, timezone: str | None = None) -> Cast:
    """Return how to make a frame's column into a type.

    Integers are never rounded and decimals never lose a digit but zeros; text may have white space around a number
    or a date. Text without offset is in `timezone` (UTC) where an instant is wanted; text with an offset is refused
    where a wall-clock time is wanted, unless `timezone` says whose clock. An empty text is a value of texts only.

    Args:
        have: the source column's type.
        dtype: what the frame holds; String where a value was not of its type; a computed whole number may be wider.
        want: the target column's type.
        timezone: as written under `columns:`; None = not written.
    """
    import polars as pl

    text, target = as_text(column, dtype), frame_type(want)
    if want.kind in ("text", "other"):
        fits = text.str.len_chars() <= want.length if want.length is not None else None
        return Cast(text, text if fits is None else pl.when(fits).then(text).alias(column))
    wider = have.kind in _INTEGERS and dtype.is_integer()
    trusted = (dtype == frame_type(have) or wider) and refusal(have, want, timezone) is None
    if trusted and (direct := _direct(column, have, dtype, want)) is not None:
        return Cast(text, direct)
    if have.kind == "boolean" and want.kind in _INTEGERS:
        known = parsing.reader(have, frame_type(have), None).value(text)
        return Cast(text, known.cast(target).alias(column))
    reader = parsing.reader(want, target, timezone)
    return Cast(text, reader.value(text).alias(column), reader.closer)


def _direct(column: str, have: ColumnType, dtype: pl.DataType, want: ColumnType) -> pl.Expr | None:
    """Return the value where no text has to be read: the same type, or one number type and another."""
    import polars as pl

    value, target = pl.col(column), frame_type(want)
    if have.kind == want.kind and have.kind in ("json", "uuid"):
        return value
    if dtype == target and dtype != pl.String():
        return value
    if have.kind in _INTEGERS and want.kind in _INTEGERS:
        return value.cast(target, strict=False)
    if have.kind in _INTEGERS and want.kind in _FLOATS:
        made = value.cast(target)
        return pl.when(made.cast(pl.Int128, strict=False) == value).then(made).alias(column)
    if have.kind == "float64" and want.kind == "float32":
        made = value.cast(target)
        return pl.when(made.is_infinite() & value.is_finite()).then(None).otherwise(made).alias(column)
    if have.kind == "float32" and want.kind == "float64":
        return value.cast(target)
    return None


def apply(frame: pl.DataFrame, casts: Mapping[str, Cast]) -> tuple[pl.DataFrame, dict[str, pl.Series]]:
    """Cast columns of a frame.

    Args:
        casts: new column → how it is made.

    Returns:
        The new columns (NULL where a cast failed), and for each column with failures the mask of its failed rows.
    """
    made = frame.select(cast.value.alias(name) for name, cast in casts.items())
    texts = frame.select(cast.text.is_null().sum().alias(name) for name, cast in casts.items())
    failed: dict[str, pl.Series] = {}
    for name, cast in casts.items():
        if made[name].null_count() == texts[name].item():
            continue
        text = frame.select(cast.text.alias(name)).to_series()
        unsure = text.is_not_null() & made[name].is_null()
        if cast.closer is not None:
            made = made.with_columns(_settle(made[name], text, unsure, cast.closer))
            unsure = text.is_not_null() & made[name].is_null()
        if unsure.any():
            failed[name] = unsure
    return made, failed


def _settle(made: pl.Series, text: pl.Series, unsure: pl.Series, closer: Callable[[pl.Series], pl.Series]) -> pl.Series:
    """Put the values that took a closer look into their rows."""
    import polars as pl

    rows = unsure.arg_true()
    looked = closer(text.gather(rows)).cast(made.dtype).alias("looked")
    late = pl.DataFrame([rows.alias("row"), looked])
    joined = made.to_frame("made").with_row_index("row").join(late, on="row", how="left", maintain_order="left")
    return joined.select(pl.coalesce("made", "looked").alias(made.name)).to_series()
