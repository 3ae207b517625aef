"""What a driver returns → columns of a frame: of their type where every value is, else as exact text."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sync_provider.core.contracts import ROW, ColumnType
from sync_provider.core.systems.frames import parsed
from sync_provider.core.systems.rows import Row

if TYPE_CHECKING:
    import polars as pl

_WIDTHS = {"int16": 16, "int32": 32, "int64": 64}
_EXACT_INTS = 1 << 53
#: column kind → the one Python type that a frame takes without a look at each value
_SAME: dict[str, type] = {"boolean": bool, "date": date, "time": time, "binary": bytes}


def frame(rows: Sequence[Row], columns: dict[str, ColumnType], first: int) -> pl.DataFrame:
    """Return rows as a frame, numbered from `first`."""
    import polars as pl

    cells = list(zip(*rows, strict=True)) if rows else [()] * len(columns)
    series = [_series(name, list(values), columns[name]) for name, values in zip(columns, cells, strict=True)]
    return pl.DataFrame([*series, pl.int_range(first, first + len(rows), dtype=pl.Int64, eager=True).alias(ROW)])


def _series(name: str, values: list[Any], column: ColumnType) -> pl.Series:
    import polars as pl

    from sync_provider.core.contracts.frames import frame_type

    kinds = set(map(type, values)) - {type(None)}
    if _fits(values, kinds, column):
        if column.kind == "timestamptz":
            values = [value and value.astimezone(timezone.utc) for value in values]
        return pl.Series(name, values, dtype=frame_type(column), strict=False)
    if column.kind == "binary" and kinds <= {bytes, bytearray, memoryview}:
        return pl.Series(name, [None if value is None else bytes(value) for value in values], dtype=pl.Binary)
    texts = pl.Series(name, values if kinds <= {str} else [_text(value) for value in values], dtype=pl.String)
    return texts if column.kind in ("text", "binary", *_WIDTHS) and kinds <= {str} else parsed(texts, column)


def _fits(values: list[Any], kinds: set[type], column: ColumnType) -> bool:
    """Whether a frame takes these values as they are, without changing one."""
    if column.kind in _WIDTHS:
        limit = 1 << (_WIDTHS[column.kind] - 1)
        return kinds <= {int} and all(-limit <= value < limit for value in values if value is not None)
    if column.kind in ("float32", "float64"):
        return kinds <= {int, float} and (
            int not in kinds or all(abs(value) <= _EXACT_INTS for value in values if isinstance(value, int))
        )
    if column.kind in ("timestamp", "timestamptz"):
        aware = column.kind == "timestamptz"
        return kinds <= {datetime} and all((value.tzinfo is not None) is aware for value in values if value is not None)
    if column.kind == "time":
        return kinds <= {time} and all(value.tzinfo is None for value in values if value is not None)
    return column.kind in _SAME and kinds <= {_SAME[column.kind]}


def _text(value: Any) -> str | None:
    """Return a value as text that loses nothing of it."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, (bytes, bytearray, memoryview)):
        return "\\x" + bytes(value).hex()
    if isinstance(value, Decimal):
        return format(value, "f") if value.is_finite() else str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat(" ")
    if isinstance(value, timedelta):
        return _clock(value)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (dict, list)) else str(value)


def _clock(value: timedelta) -> str:
    """Return a duration as databases write a TIME, also beyond a day and below zero."""
    sign, value = ("-", -value) if value < timedelta(0) else ("", value)
    seconds = value.days * 86400 + value.seconds
    text = f"{sign}{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    return f"{text}.{value.microseconds:06d}" if value.microseconds else text
