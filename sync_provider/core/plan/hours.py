"""The window of the day: is it open, when does it close, when does it open again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from sync_provider.core.contracts import HoursPlan

_MINUTE = timedelta(minutes=1)
#: a window that lies in the hour a clock leaves out opens the day after
_MOST = 3 * 24 * 60


def is_open(hours: HoursPlan, at: datetime) -> bool:
    """Whether the clock of the window's time zone reads a time inside of it. An hour that comes twice counts twice.

    Args:
        at: an aware time.
    """
    if at.tzinfo is None:
        raise ValueError(f"{at} has no time zone")
    local = at.astimezone(ZoneInfo(hours.timezone))
    minute = local.hour * 60 + local.minute
    if hours.start_min <= hours.end_min:
        return hours.start_min <= minute < hours.end_min
    return minute >= hours.start_min or minute < hours.end_min


def closes_at(hours: HoursPlan, at: datetime) -> datetime:
    """Return the first moment from `at` on, UTC, at which the window is shut: `at` itself where it is."""
    return _first(at, lambda moment: not is_open(hours, moment))


def opens_at(hours: HoursPlan, at: datetime) -> datetime:
    """Return the first moment from `at` on, UTC, at which the window is open: `at` itself where it is."""
    return _first(at, lambda moment: is_open(hours, moment))


def _first(at: datetime, wanted: Callable[[datetime], bool]) -> datetime:
    """Return the first moment at which it is so; minute by minute, because clocks jump and windows begin on minutes."""
    at = at.astimezone(timezone.utc)
    if wanted(at):
        return at
    moment = at.replace(second=0, microsecond=0)
    for _ in range(_MOST):
        moment += _MINUTE
        if wanted(moment):
            return moment
    raise ValueError("the window is never open, or never shut")
