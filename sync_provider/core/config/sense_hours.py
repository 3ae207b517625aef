"""Whether a schedule ever falls into its window of the day, where runs outside are skipped."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from sync_provider.core.config.models import Interface
from sync_provider.core.config.positions import Node
from sync_provider.core.config.problems import Problem

#: a year of daily runs, and more than a day of runs every minute
_YEAR, _TICKS = datetime(2025, 1, 1), 2000


def check_hours(root: Node, interface: Interface) -> Iterator[Problem]:
    """Yield the problem of an interface whose every run would be skipped."""
    if interface.window is None or interface.outside != "skip" or not interface.enabled or _ever_inside(interface):
        return
    message = f"no run of {interface.schedule.cron!r} falls into the window, so every run would be skipped"
    yield root.find(("outside",)).problem(message, "move the schedule or the window, or write `outside: wait`")


def _ever_inside(interface: Interface) -> bool:
    schedule = interface.schedule
    if schedule.cron is None or interface.window is None:
        return True
    from croniter import croniter  # type: ignore[import-untyped]

    start, end, written = interface.window
    zone = ZoneInfo(schedule.timezone or interface.timezone)
    window_zone = ZoneInfo(written) if written else zone
    ticks = croniter(schedule.cron, datetime(2024, 1, 1))
    for _ in range(_TICKS):
        tick = ticks.get_next(datetime)
        local = tick.replace(tzinfo=zone).astimezone(window_zone)
        minute = local.hour * 60 + local.minute
        if start <= minute < end if start <= end else minute >= start or minute < end:
            return True
        if tick > _YEAR:
            break
    return False
