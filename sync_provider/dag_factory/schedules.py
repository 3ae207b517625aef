"""SchedulePlan → Airflow timetable and start date; data-interval timetables, so that a run knows its window."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from airflow.sdk import CronDataIntervalTimetable, DeltaDataIntervalTimetable

from sync_provider.core.contracts import SchedulePlan

#: start of a schedule that names none: fixed, as a moving one would make a new DAG version with every parse
ANCHOR = datetime(2024, 1, 1)


def timetable(plan: SchedulePlan) -> Any:
    """Return what Airflow's `schedule=` wants."""
    if plan.kind == "cron" and plan.cron:
        return CronDataIntervalTimetable(plan.cron, timezone=plan.timezone)
    if plan.kind == "interval" and plan.interval_s:
        return DeltaDataIntervalTimetable(timedelta(seconds=plan.interval_s))
    return "@once" if plan.kind == "once" else None


def start_date(plan: SchedulePlan) -> datetime:
    """Return the first moment of the schedule; the same at every parse. One with `catchup` always names it."""
    start = datetime.fromisoformat(plan.start.replace("Z", "+00:00")) if plan.start else ANCHOR
    return start if start.tzinfo else start.replace(tzinfo=ZoneInfo(plan.timezone))


def same(one: SchedulePlan, other: SchedulePlan) -> bool:
    """Whether two interfaces can share a DAG."""
    return _rhythm(one) == _rhythm(other)


def _rhythm(plan: SchedulePlan) -> tuple[Any, ...]:
    return plan.kind, plan.cron, plan.timezone, plan.interval_s, plan.start, plan.catchup
