"""Increments in any SQL dialect: bounds as typed parameters, the newest cursor, the order of a key."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from sync_provider.core.contracts import ColumnType, Window
from sync_provider.core.systems import increments, moments

if TYPE_CHECKING:
    import sqlalchemy as sa

#: cursor kinds a timestamp increment can use
TIMES = ("date", "timestamp", "timestamptz")


def value_of(text: str, column: ColumnType) -> Any:
    """Return a bound as the Python value of its column's kind; a day is compared as the first moment of it."""
    if increments.is_number(column):
        return int(text) if column.kind != "decimal" else Decimal(text)
    if column.kind in ("timestamp", "timestamptz"):
        moment = moments.read(text)
        aware = column.kind == "timestamptz"
        return moment.replace(tzinfo=moment.tzinfo or timezone.utc) if aware else moment.replace(tzinfo=None)
    return moments.read(text) if column.kind == "date" else text


def condition(cursor: sa.ColumnClause[Any], column: ColumnType, sign: str, value: Any) -> sa.ColumnElement[bool]:
    """Return `cursor sign value` with the value as a parameter of the column's type."""
    if column.kind == "date":
        sign, value = _of_days(sign, value)
    bound = parameter(value, column)
    return {">=": cursor >= bound, "<=": cursor <= bound, "<": cursor < bound, ">": cursor > bound}[sign]


def _of_days(sign: str, moment: datetime) -> tuple[str, date]:
    """Return a comparison of a day with a moment as one of days: a day is its first moment."""
    begins = moment.time() == time(0)
    if sign in (">=", "<") and not begins:
        return sign, moment.date() + timedelta(days=1)
    return sign, moment.date()


def parameter(value: Any, column: ColumnType) -> sa.BindParameter[Any]:
    """Return a value as a bound parameter."""
    import sqlalchemy as sa

    kinds: dict[str, sa.types.TypeEngine[Any]] = {
        "int16": sa.BigInteger(), "int32": sa.BigInteger(), "int64": sa.BigInteger(),
        "decimal": sa.Numeric(38, 0), "date": sa.Date(), "timestamp": sa.DateTime(),
        "timestamptz": sa.DateTime(timezone=True),
    }  # fmt: skip
    return sa.bindparam(None, value, type_=kinds.get(column.kind, sa.String()))


def bounds(cursor: sa.ColumnClause[Any], column: ColumnType, window: Window) -> list[sa.ColumnElement[bool]]:
    """Return the conditions of a window that is not a full one."""
    below = "<=" if window.includes_until else "<"
    found = ((">=", window.since), (below, window.until))
    return [condition(cursor, column, sign, value_of(text, column)) for sign, text in found if text is not None]


def behind(key: tuple[str, ...], values: tuple[Any, ...], columns: dict[str, ColumnType]) -> sa.ColumnElement[bool]:
    """Return the condition of rows behind a key, in the order of the key."""
    import sqlalchemy as sa

    terms: list[sa.ColumnElement[bool]] = []
    same: list[sa.ColumnElement[bool]] = []
    for name, value in zip(key, values, strict=True):
        column: sa.ColumnClause[Any] = sa.column(name)
        bound = parameter(int(value), columns[name])
        terms.append(sa.and_(*same, column > bound))
        same = [*same, column == bound]
    return sa.or_(*terms)


def now(zone: str, column: ColumnType) -> str:
    """Return this machine's clock as text of the cursor's kind."""
    moment = datetime.now(timezone.utc)
    return moments.written(moment if column.kind == "timestamptz" else _naive(moment, zone))


def _naive(moment: datetime, zone: str) -> datetime:
    return moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None)


def text_of(value: Any) -> str | None:
    """Return what a driver gave for a cursor as exact text."""
    if isinstance(value, datetime):
        return moments.written(value)
    if isinstance(value, Decimal):
        return format(value, "f")
    return None if value is None else str(value)


def later(one: str | None, other: str | None) -> str | None:
    """Return the later of two times; None is earlier than any."""
    if one is None or other is None:
        return one or other
    return one if moments.read(one) >= moments.read(other) else other


def twice(zone: str, column: ColumnType, newest: str | None) -> str | None:
    """Return where the checkpoint stays while the clocks of `zone` show an hour for the second time; else None."""
    since = None if column.kind == "timestamptz" else moments.repeated_since(datetime.now(timezone.utc), zone)
    return since if since and newest and moments.read(since) < moments.read(newest) else None
