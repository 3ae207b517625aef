"""Frames → the texts MySQL reads, and the values it would not keep as they are."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from sync_provider.core.contracts import DELETED, ROW, ColumnType

if TYPE_CHECKING:
    import polars as pl

_DAY = "%Y-%m-%d"
_CLOCK = "%H:%M:%S%.6f"
#: what LOAD DATA gives a meaning, and how it is written so that it has none
_ESCAPED = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\0": "\\0"}
_FRACTION = re.compile(r"(?:datetime|timestamp|time)(?:\((\d)\))?")
_MEMBERS = re.compile(r"'((?:[^']|'')*)'")


def to_stored(frame: pl.DataFrame) -> pl.DataFrame:
    """Return every value as the text the server reads; bytes stay bytes, NULL stays NULL."""
    return frame.select(_stored(name, kind) for name, kind in frame.schema.items())


def to_texts(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the values as texts, as people read them."""
    import polars as pl

    return frame.select(
        pl.concat_str(pl.lit("\\x"), pl.col(name).bin.encode("hex")) if kind == pl.Binary else pl.col(name)
        for name, kind in frame.schema.items()
    ).cast(pl.String)


def to_lines(stored: pl.DataFrame) -> bytes:
    """Return stored values as LOAD DATA reads them: a line each, tabs between, bytes in hex."""
    import polars as pl

    out = io.BytesIO()
    stored.select(
        pl.col(name).bin.encode("hex").fill_null("\\N")
        if kind == pl.Binary
        else pl.col(name).str.replace_many(_ESCAPED).fill_null("\\N")
        for name, kind in stored.schema.items()
    ).write_csv(out, include_header=False, separator="\t", quote_style="never")
    return out.getvalue()


def faults(frame: pl.DataFrame, columns: Mapping[str, ColumnType], free: tuple[str, ...]) -> list[tuple[int, str, str]]:
    """Return (row, column, why) of the first value of each row that the server would change, take for another or lose.

    Args:
        frame: the columns of the table.
        free: columns that may be NULL all the same.
    """
    import polars as pl

    live = ~pl.col(DELETED).fill_null(True) if DELETED in frame.columns else pl.lit(True)
    found: dict[int, tuple[str, str]] = {}
    for name, kind in frame.schema.items():
        if name in (ROW, DELETED) or name not in columns:
            continue
        tests = _faults(name, kind, columns[name])
        if not columns[name].nullable and name not in free:
            tests.append((f"column {name!r} must not be NULL", pl.col(name).is_null() & live))
        for said, mask in tests:
            for row in frame.select(mask.fill_null(False).alias("bad")).to_series().arg_true():
                found.setdefault(row, (name, said))
    return [(row, *found[row]) for row in sorted(found)]


def _stored(name: str, kind: pl.DataType) -> pl.Expr:
    import polars as pl

    column = pl.col(name)
    if kind == pl.Boolean:
        return column.cast(pl.Int8).cast(pl.String)
    if kind == pl.Date:
        return column.dt.strftime(_DAY)
    if kind == pl.Time:
        return column.dt.strftime(_CLOCK)
    if isinstance(kind, pl.Datetime):
        return column.dt.strftime(f"{_DAY} {_CLOCK}")  # aware ones are UTC, and so is the session
    return column if kind == pl.Binary else column.cast(pl.String)


def _faults(name: str, kind: pl.DataType, declared: ColumnType) -> list[tuple[str, pl.Expr]]:
    import polars as pl

    column, raw = pl.col(name), declared.raw.lower()
    if kind in (pl.Float32, pl.Float64):
        return [("MySQL has no infinity and no not-a-number", ~column.is_finite())]
    if kind == pl.Date or isinstance(kind, pl.Datetime):
        tests = [("MySQL has the years 1 to 9999", ~column.dt.year().is_between(1, 9999))]
        return tests + ([_fraction(column, raw)] if isinstance(kind, pl.Datetime) else [])
    if kind == pl.Time:
        return [_fraction(column, raw)]
    if raw.startswith("enum("):
        members = [member.replace("''", "'").lower() for member in _MEMBERS.findall(raw)]
        # a number that is no member would be taken for the place of one
        return [(f"is none of {declared.raw}", ~column.str.to_lowercase().is_in(members))]
    if raw.startswith("set("):
        return [(f"a number is none of {declared.raw}", column.str.contains(r"^\s*[0-9]"))]
    return []


def _fraction(column: pl.Expr, raw: str) -> tuple[str, pl.Expr]:
    """The server cuts or rounds digits of a second that it has no place for, and says nothing."""
    match = _FRACTION.match(raw)
    kept = int(match[1] or 0) if match else 6
    return f"{raw} keeps {kept} digits of a second", column.dt.microsecond() % 10 ** (6 - kept) != 0
