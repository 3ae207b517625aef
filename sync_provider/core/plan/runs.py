"""When an interface runs next, as Airflow will see it: what `explain` and `list` tell."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from itertools import islice
from zoneinfo import ZoneInfo

from sync_provider.core.contracts import SchedulePlan

#: first day of a schedule that names none: fixed, as a moving one would make a new DAG version with every parse
ANCHOR = datetime(2024, 1, 1)
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def first_day(schedule: SchedulePlan) -> datetime:
    """Return the first moment of a schedule, aware; the same whenever it is asked for."""
    start = datetime.fromisoformat(schedule.start.replace("Z", "+00:00")) if schedule.start else ANCHOR
    return start if start.tzinfo else start.replace(tzinfo=ZoneInfo(schedule.timezone))


def next_runs(schedule: SchedulePlan, after: datetime, count: int = 3) -> list[datetime]:
    """Return the next runs in the schedule's time zone; none of a schedule that is disabled, manual or once.

    A run comes at the end of the interval it stands for, so the first one is a whole interval after `start`.

    Args:
        after: aware; later than this.
    """
    if not schedule.enabled or schedule.kind not in ("cron", "interval"):
        return []
    zone = ZoneInfo(schedule.timezone)
    ticks = _cron_ticks(schedule, after) if schedule.kind == "cron" else _interval_ticks(schedule, after)
    return [moment.astimezone(zone) for moment in islice(ticks, count)]


def no_runs(schedule: SchedulePlan) -> str:
    """Return why there is no next run to name."""
    if not schedule.enabled:
        return "never: disabled"
    return "once per version of the configuration" if schedule.kind == "once" else "when someone starts it"


def _interval_ticks(schedule: SchedulePlan, after: datetime) -> Iterator[datetime]:
    """Yield the ends of intervals: counted from `start`, and without one from 1970 in UTC, so that none drifts."""
    step = timedelta(seconds=schedule.interval_s or 0)
    anchor = first_day(schedule).astimezone(timezone.utc) if schedule.start else _EPOCH
    number = max((after - anchor) // step, 0) + 1
    while True:
        yield anchor + number * step
        number += 1


def _cron_ticks(schedule: SchedulePlan, after: datetime) -> Iterator[datetime]:
    start, moment = first_day(schedule), after.astimezone(timezone.utc)
    if start > moment:
        moment = _next_tick(schedule, start.astimezone(timezone.utc) - timedelta(seconds=1))
    while True:
        moment = _next_tick(schedule, moment)
        yield moment


def _next_tick(schedule: SchedulePlan, moment: datetime) -> datetime:
    """Return the first tick after a moment in UTC: by elapsed time where every hour has one, else by the clock."""
    from croniter import croniter  # type: ignore[import-untyped]

    zone = ZoneInfo(schedule.timezone)
    wall = moment.astimezone(zone).replace(tzinfo=None)
    ticks = croniter(schedule.cron, wall)
    every_hour = ticks.expanded[1] == ["*"]
    while True:
        tick = ticks.get_next(datetime)
        found: datetime = moment + (tick - wall) if every_hour else _at(tick, zone)
        if found > moment:
            return found


def _at(wall: datetime, zone: ZoneInfo) -> datetime:
    """Return the moment in UTC at which a clock shows a time: the second time where it does so twice.

    A time that the clock leaves out is as long after midnight as it would be on other days.
    """
    later = wall.replace(tzinfo=zone, fold=1)
    if later.astimezone(timezone.utc).astimezone(zone).replace(tzinfo=None) == wall:
        return later.astimezone(timezone.utc)
    return wall.replace(tzinfo=zone, fold=0).astimezone(timezone.utc)
