"""A value written in YAML, as a literal of a column's type: `0.1` is the decimal, not the double next to it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timezone
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from sync_provider.core.contracts import ColumnType

if TYPE_CHECKING:
    import polars as pl

_NUMBERS = ("int16", "int32", "int64", "decimal", "float32", "float64")
_EXAMPLES = {"date": "'2026-01-31'", "time": "'10:00:00'", "boolean": "true"}


def literal(value: Any, column: str, kind: ColumnType) -> pl.Expr:
    """Return `value` as a polars literal that compares with the column.

    Raises:
        ValueError: the value is not of the column's type.
    """
    import polars as pl

    return pl.lit(plain(value, column, kind))


def plain(value: Any, column: str, kind: ColumnType) -> Any:
    """Return `value` as the Python value of the column's type. Raises ValueError."""
    if kind.kind in _NUMBERS:
        return _number(value, column, kind)
    if kind.kind in _READERS:
        return _moment(value, column, kind)
    if kind.kind == "boolean" and isinstance(value, bool):
        return value
    if kind.kind in ("text", "uuid", "other", "json") and isinstance(value, str):
        return value
    raise _misfit(value, column, kind)


def _number(value: Any, column: str, kind: ColumnType) -> Any:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _misfit(value, column, kind)
    unbounded = kind.kind == "decimal" and kind.precision is None
    if kind.kind in ("float32", "float64") or unbounded:
        return float(value)
    try:
        exact = Decimal(str(value))
    except InvalidOperation:
        raise _misfit(value, column, kind) from None
    return int(exact) if exact == exact.to_integral_value() else exact


def _moment(value: Any, column: str, kind: ColumnType) -> Any:
    if not isinstance(value, str):
        raise _misfit(value, column, kind)
    try:
        return _READERS[kind.kind](value)
    except ValueError:
        raise _misfit(value, column, kind) from None


def _naive(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo:
        raise ValueError(text)
    return moment


def _aware(text: str) -> datetime:
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return moment.astimezone(timezone.utc) if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


_READERS: dict[str, Callable[[str], Any]] = {
    "date": date.fromisoformat,
    "time": time.fromisoformat,
    "timestamp": _naive,
    "timestamptz": _aware,
}


def _misfit(value: Any, column: str, kind: ColumnType) -> ValueError:
    if kind.kind == "text" and not isinstance(value, str):
        fix = f"write it in quotes, or give {column!r} a `type:` under `columns:`"
    elif kind.kind in _NUMBERS:
        fix = "write a number without quotes"
    else:
        fix = f"write a value such as {_EXAMPLES.get(kind.kind, repr('2026-01-31 10:00:00'))}"
    return ValueError(f"{value!r} does not compare with {column!r}, which is {kind}\n  fix: {fix}")
