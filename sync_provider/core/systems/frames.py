"""Exact text → typed columns of a frame, and pieces of rows → batches; shared by all sources."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

from sync_provider.core.contracts import ColumnType, Plan
from sync_provider.core.contracts.frames import frame_type

if TYPE_CHECKING:
    import polars as pl

T = TypeVar("T")

#: a batch of fewer rows than asked for goes out when it is this big
_BATCH_BYTES = 64 << 20
#: no calendar has a year 0
_DAY = r"([1-9]\d{3}|0[1-9]\d\d|00[1-9]\d|000[1-9])-\d\d-\d\d"
#: text that its type says without loss; anything else stays text
_SHAPES = {
    "date": rf"^{_DAY}$",
    "time": r"^\d\d:\d\d:\d\d(\.\d{1,6})?$",
    "timestamp": rf"^{_DAY}[ T]\d\d:\d\d:\d\d(\.\d{{1,6}})?$",
    "timestamptz": rf"^{_DAY}[ T]\d\d:\d\d:\d\d(\.\d{{1,6}})?(Z|[+-]\d\d(:?\d\d)?)$",
}


def parsed(texts: pl.Series, column: ColumnType, *, check: bool = True) -> pl.Series:
    """Return text as its column's type; unchanged (String) where one value does not fit exactly.

    Args:
        texts: ISO dates and times, `t|f|true|false|1|0`, `\\x` hex for binary; null stays null.
        check: whether text may have any shape; false where a server wrote it from a value of this type.
    """
    import polars as pl

    wanted = frame_type(column)
    if wanted == pl.String:
        return texts
    if check and not _shaped(texts, column):
        return texts
    try:
        typed = _parsers().get(column.kind, _cast)(texts, wanted)
    except (pl.exceptions.ComputeError, pl.exceptions.InvalidOperationError):
        return texts
    return typed if typed.null_count() == texts.null_count() else texts


def _shaped(texts: pl.Series, column: ColumnType) -> bool:
    shape = _SHAPES.get(column.kind)
    if column.kind == "decimal":
        # a cast would round what has more digits after the point than the type
        shape = rf"^[+-]?\d+(\.\d{{0,{column.scale or 0}}}0*)?$"
    return shape is None or bool(texts.str.contains(shape).all())


def _parsers() -> dict[str, Callable[[pl.Series, pl.DataType], pl.Series]]:
    return {
        "boolean": _boolean,
        "date": lambda texts, _: texts.str.to_date("%Y-%m-%d", strict=False),
        "time": lambda texts, _: texts.str.to_time("%H:%M:%S%.f", strict=False),
        "timestamp": _timestamp,
        "timestamptz": _timestamptz,
        "binary": _binary,
    }


def _cast(texts: pl.Series, wanted: pl.DataType) -> pl.Series:
    return texts.cast(wanted, strict=False)


def _boolean(texts: pl.Series, wanted: pl.DataType) -> pl.Series:
    words = {"t": True, "true": True, "1": True, "f": False, "false": False, "0": False}
    return texts.replace_strict(words, default=None, return_dtype=wanted)


def _timestamp(texts: pl.Series, wanted: pl.DataType) -> pl.Series:
    if texts.str.contains("T", literal=True).any():
        texts = texts.str.replace("T", " ", literal=True)
    return texts.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", strict=False, time_unit="us")


def _timestamptz(texts: pl.Series, wanted: pl.DataType) -> pl.Series:
    if texts.str.contains("[TZ]").any():
        texts = texts.str.replace("T", " ", literal=True).str.replace("Z$", "+00")
    return texts.str.to_datetime("%Y-%m-%d %H:%M:%S%.f%#z", strict=False, time_unit="us", time_zone="UTC")


def _binary(texts: pl.Series, wanted: pl.DataType) -> pl.Series:
    if not texts.str.starts_with("\\x").all():
        return texts
    return texts.str.slice(2).str.decode("hex", strict=True)


def needed(plan: Plan, columns: Iterable[str]) -> list[str]:
    """Return the source columns that must be read: all but those dropped and named nowhere else.

    An expression names a column if it holds its name anywhere, in any case: rather one column too many.
    """
    when = plan.deletes.when if plan.deletes else None
    words = [plan.filter or "", when or "", *(column.expr or "" for column in plan.columns)]
    text = "\n".join(words).lower()
    kept = {plan.increment.cursor if plan.increment else "", *plan.primary_key, *plan.order_by}
    dropped = {column.name for column in plan.columns if column.drop} - kept
    names = list(columns)
    return [name for name in names if name not in dropped or re.search(re.escape(name.lower()), text)] or names[:1]


def resized(pieces: Iterable[tuple[pl.DataFrame, list[T]]], rows: int) -> Iterator[tuple[pl.DataFrame, list[T]]]:
    """Cut and join frames, each with a list beside it, so that all but the last have `rows` rows, or few big ones.

    A list goes out with the first frame after it, at the latest when it is `rows` long itself.
    """
    import polars as pl

    held: pl.DataFrame | None = None
    beside: list[T] = []
    for frame, more in pieces:
        held = frame if held is None or held.is_empty() else pl.concat([held, frame])
        beside += more
        while held.height >= rows or len(beside) >= rows or held.estimated_size() >= _BATCH_BYTES:
            yield held.head(rows), beside
            held, beside = held.slice(rows), []
    if held is not None and (beside or not held.is_empty()):
        yield held, beside
