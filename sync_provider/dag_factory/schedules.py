"""SchedulePlan → Airflow timetable and start date; data-interval timetables, so that a run knows its window."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from airflow.sdk import CronDataIntervalTimetable, DeltaDataIntervalTimetable

from sync_provider.core.contracts import SchedulePlan
from sync_provider.core.errors import ConfigError

#: start of a schedule that names none: fixed, as a moving one would make a new DAG version with every parse
ANCHOR = datetime(2024, 1, 1)


def timetable(plan: SchedulePlan) -> Any:
    """Return what Airflow's `schedule=` wants."""
    if plan.kind == "cron" and plan.cron:
        return CronDataIntervalTimetable(plan.cron, timezone=plan.timezone)
    if plan.kind == "interval" and plan.interval_s:
        return DeltaDataIntervalTimetable(timedelta(seconds=plan.interval_s))
    return "@once" if plan.kind == "once" else None


def start_date(plan: SchedulePlan, dag_id: str) -> datetime:
    """Return the first moment of the schedule; the same at every parse.

    Raises:
        ConfigError: `catchup: true` without a start would make Airflow run every interval since the anchor.
    """
    if plan.catchup and not plan.start and plan.kind in ("cron", "interval"):
        raise ConfigError(
            f"{dag_id}: `catchup: true` needs a first day, the schedule has none",
            fix='write `schedule: {…, start: "2026-01-31"}`',
        )
    start = datetime.fromisoformat(plan.start.replace("Z", "+00:00")) if plan.start else ANCHOR
    return start if start.tzinfo else start.replace(tzinfo=ZoneInfo(plan.timezone))


def same(one: SchedulePlan, other: SchedulePlan) -> bool:
    """Whether two interfaces can share a DAG."""
    return _rhythm(one) == _rhythm(other)


def _rhythm(plan: SchedulePlan) -> tuple[Any, ...]:
    return plan.kind, plan.cron, plan.timezone, plan.interval_s, plan.start, plan.catchup
