"""SchedulePlan → Airflow timetable and start date; data-interval timetables, so that a run knows its window."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from airflow.sdk import CronDataIntervalTimetable, DeltaDataIntervalTimetable

from sync_provider.core.contracts import SchedulePlan
from sync_provider.core.plan.runs import ANCHOR, first_day

__all__ = ["ANCHOR", "same", "start_date", "timetable"]


def timetable(plan: SchedulePlan, versions: Iterable[str] = ()) -> Any:
    """Return what Airflow's `schedule=` wants.

    Args:
        versions: of the interfaces it is for; `once` runs again when one changes.
    """
    if plan.kind == "cron" and plan.cron:
        return CronDataIntervalTimetable(plan.cron, timezone=plan.timezone)
    if plan.kind == "interval" and plan.interval_s:
        return _interval(plan, timedelta(seconds=plan.interval_s))
    return _once(versions) if plan.kind == "once" else None


def _interval(plan: SchedulePlan, step: timedelta) -> Any:
    """Return Airflow's own timetable wherever its grid, which begins in 1970, is the one that is wanted."""
    if plan.start is None or first_day(plan).timestamp() % step.total_seconds() == 0:
        return DeltaDataIntervalTimetable(step)
    from sync_provider.timetables.interval import AnchoredInterval  # takes Airflow's own modules; most need none

    return AnchoredInterval(step, first_day(plan))


def _once(versions: Iterable[str]) -> Any:
    from sync_provider.timetables.once import OncePerVersion

    return OncePerVersion(" ".join(versions))


def start_date(plan: SchedulePlan) -> datetime:
    """Return the first moment of the schedule; the same at every parse. One with `catchup` always names it."""
    return first_day(plan)


def same(one: SchedulePlan, other: SchedulePlan) -> bool:
    """Whether two interfaces can share a DAG."""
    return _rhythm(one) == _rhythm(other)


def _rhythm(plan: SchedulePlan) -> tuple[Any, ...]:
    return plan.kind, plan.cron, plan.timezone, plan.interval_s, plan.start, plan.catchup
