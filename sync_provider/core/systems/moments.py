"""Cursor values as text: reading any ISO form, taking seconds off, moving between time zones."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from sync_provider.core.contracts import IncrementPlan, Plan
from sync_provider.core.errors import ConfigError

_ISO = re.compile(
    r"\s*(\d{4})-(\d\d)-(\d\d)"
    r"(?:[ T](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,6})\d*)?)?)?"
    r"\s*(?:(Z)|([+-])(\d\d)(?::?(\d\d))?)?\s*"
)


def read(text: str) -> datetime:
    """Read a date or time in any ISO form, also PostgreSQL's `+00`; naive where it names no zone.

    Raises:
        ValueError: it is none.
    """
    match = _ISO.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a time; write it like 2026-08-22T02:00:00Z")
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    moment = datetime(year, month, day, hour, minute, second, int((match[7] or "0").ljust(6, "0")))
    if match[8]:
        return moment.replace(tzinfo=timezone.utc)
    if match[9]:
        offset = timedelta(hours=int(match[10]), minutes=int(match[11] or 0))
        return moment.replace(tzinfo=timezone(-offset if match[9] == "-" else offset))
    return moment


def is_one(text: str) -> bool:
    """Whether text is a date or time that exists."""
    try:
        read(text)
    except ValueError:
        return False
    return True


def written(moment: datetime) -> str:
    """Write a time as databases do: a space, and `+00` where it has a zone."""
    if moment.tzinfo is None:
        return moment.isoformat(" ")
    return moment.astimezone(timezone.utc).replace(tzinfo=None).isoformat(" ") + "+00"


def earlier(text: str, seconds: float, zone: str = "UTC") -> str:
    """Return the time `seconds` before `text`; unchanged where nothing is to take off.

    Args:
        zone: whose clocks a time without a zone is of; an hour that they left out has not passed.
    """
    if not seconds:
        return text
    moment, back = read(text), timedelta(seconds=seconds)
    try:
        if moment.tzinfo is not None:
            return written(moment - back)
        passed = moment.replace(tzinfo=ZoneInfo(zone)).astimezone(timezone.utc) - back
        return written(min(moment - back, passed.astimezone(ZoneInfo(zone)).replace(tzinfo=None)))
    except OverflowError:
        return written(moment.replace(year=1, month=1, day=1))


def later(one: str, other: str | None) -> str:
    """Return the later of two times; None is earlier than any."""
    return one if other is None or read(one) >= read(other) else other


def naive(text: str, zone: str) -> str:
    """Return a time as the clocks of `zone` show it; one without a zone stays as it is."""
    moment = read(text)
    return written(moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None) if moment.tzinfo else moment)


def aware(text: str) -> str:
    """Return a time in UTC; one without a zone is UTC already."""
    moment = read(text)
    return written(moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc))


def repeated_since(now: datetime, zone: str) -> str | None:
    """Return when the hour began that the clocks of `zone` show twice, while they show it; else None.

    A row written in it may carry a time before one that was read already: no checkpoint may pass this moment.

    Args:
        now: aware.
    """
    clock = now.astimezone(ZoneInfo(zone)).replace(tzinfo=None, second=0, microsecond=0)
    if not _shown_twice(clock, zone):
        return None
    while _shown_twice(clock - timedelta(minutes=1), zone):
        clock -= timedelta(minutes=1)
    return written(clock)


def _shown_twice(clock: datetime, zone: str) -> bool:
    first = clock.replace(tzinfo=ZoneInfo(zone), fold=0)
    second = clock.replace(tzinfo=ZoneInfo(zone), fold=1)
    return (first.utcoffset() or timedelta()) > (second.utcoffset() or timedelta())


def cursor_zone(plan: Plan, increment: IncrementPlan) -> str:
    """Return the time zone of the cursor's naive times: its column's `timezone:`, else UTC."""
    zones = (column.timezone for column in plan.columns if column.name == increment.cursor)
    zone = next((zone for zone in zones if zone), "UTC")
    try:
        return ZoneInfo(zone).key
    except (KeyError, ValueError, OSError) as error:
        raise ConfigError(
            f"interface {plan.id!r}: columns.{increment.cursor}.timezone: unknown time zone {zone!r}",
            fix="use a name like Asia/Shanghai",
        ) from error


def bound(plan: Plan, what: str, text: str | None) -> str | None:
    """Check a bound given by hand. Raises ConfigError where it is no time."""
    if text is None:
        return None
    try:
        read(text)
    except ValueError as error:
        raise ConfigError(f"interface {plan.id!r}: {what}: {error}", fix=f"correct {what}") from error
    return text
