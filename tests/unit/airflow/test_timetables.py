"""Schedules on the clock: daylight saving, anchors, no drift, once per version; and what `explain` says of them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from itertools import pairwise

import pendulum
import pytest
import time_machine
from airflow.serialization.encoders import coerce_to_core_timetable
from airflow.serialization.serialized_objects import decode_timetable, encode_timetable
from airflow.timetables.base import DataInterval, TimeRestriction, Timetable

from sync_provider.core.contracts import SchedulePlan
from sync_provider.core.plan.runs import next_runs
from sync_provider.dag_factory.schedules import start_date, timetable
from sync_provider.timetables.interval import AnchoredInterval
from sync_provider.timetables.once import OncePerVersion

UTC = timezone.utc


def runs_of(plan: SchedulePlan, count: int, *, catchup: bool = True) -> list[DataInterval]:
    """Return the intervals Airflow's scheduler would make one after the other, from the schedule's first day on."""
    table: Timetable = coerce_to_core_timetable(timetable(plan, ["v1"]))
    limits = TimeRestriction(earliest=pendulum.instance(start_date(plan)), latest=None, catchup=catchup)
    made: list[DataInterval] = []
    while len(made) < count:
        info = table.next_dagrun_info(last_automated_data_interval=made[-1] if made else None, restriction=limits)
        if info is None:
            break
        assert info.data_interval is not None
        made.append(info.data_interval)
    return made


def hours(interval: DataInterval) -> float:
    return (interval.end - interval.start).total_seconds() / 3600


@pytest.mark.parametrize(("start", "length"), [("2026-03-28", [24, 23, 24]), ("2026-10-24", [24, 25, 24])])
def test_a_day_with_23_or_25_hours_is_one_interval_from_midnight_to_midnight(start: str, length: list[float]) -> None:
    made = runs_of(SchedulePlan("cron", cron="0 0 * * *", timezone="Europe/Berlin", start=start), 3)
    assert [hours(interval) for interval in made] == length
    assert {interval.start.in_timezone("Europe/Berlin").hour for interval in made} == {0}
    assert all(one.end == two.start for one, two in pairwise(made))


@pytest.mark.parametrize("start", ["2026-03-28T12:00:00", "2026-10-24T12:00:00"])
def test_every_hour_is_every_hour_whatever_the_clock_does(start: str) -> None:
    made = runs_of(SchedulePlan("cron", cron="30 * * * *", timezone="Europe/Berlin", start=start), 48)
    assert {hours(interval) for interval in made} == {1}


@pytest.mark.parametrize("start", [None, "2026-01-01T00:07:00Z", "2026-01-01T00:00:00"])
@pytest.mark.parametrize("step_s", [900, 5400, 86400, 7])
def test_an_interval_does_not_drift_in_a_thousand_runs(start: str | None, step_s: int) -> None:
    plan = SchedulePlan("interval", interval_s=step_s, timezone="Asia/Shanghai", start=start)
    first, *_, last = made = runs_of(plan, 1000)
    assert first.start == start_date(plan)
    assert last.end - first.start == timedelta(seconds=1000 * step_s)
    assert all(one.end == two.start for one, two in pairwise(made))


@pytest.mark.parametrize(
    ("start", "kind", "begins"),
    [
        ("2026-01-01T00:07:00Z", "AnchoredInterval", "2026-06-01T11:52:00Z"),
        ("2026-01-01T00:00:00Z", "DeltaDataIntervalTimetable", "2026-06-01T11:45:00Z"),
        (None, "DeltaDataIntervalTimetable", "2026-06-01T11:45:00Z"),
    ],
)
def test_without_catchup_the_newest_whole_interval_counted_from_the_anchor_runs(
    start: str | None, kind: str, begins: str
) -> None:
    plan = SchedulePlan("interval", interval_s=900, start=start)
    assert type(timetable(plan)).__name__ == kind
    with time_machine.travel(datetime(2026, 6, 1, 12, 10, 30, tzinfo=UTC), tick=False):
        first, second = runs_of(plan, 2, catchup=False)
    assert first.start == datetime.fromisoformat(begins)
    assert second.start == first.end


def test_intervals_missed_while_paused_are_skipped_or_caught_up() -> None:
    plan = SchedulePlan("interval", interval_s=3600, start="2026-01-01T00:30:00Z")
    table: Timetable = timetable(plan)
    last = DataInterval(pendulum.datetime(2026, 1, 1, 0, 30), pendulum.datetime(2026, 1, 1, 1, 30))
    starts = []
    with time_machine.travel(datetime(2026, 1, 1, 9, 45, tzinfo=UTC), tick=False):
        for catchup in (False, True):
            limits = TimeRestriction(pendulum.instance(start_date(plan)), None, catchup)
            info = table.next_dagrun_info(last_automated_data_interval=last, restriction=limits)
            assert info is not None
            starts.append(info.logical_date)
    assert starts == [pendulum.datetime(2026, 1, 1, 8, 30), pendulum.datetime(2026, 1, 1, 1, 30)]


def test_a_run_by_hand_gets_the_last_whole_interval() -> None:
    table = AnchoredInterval(timedelta(minutes=15), datetime(2026, 1, 1, 0, 7, tzinfo=UTC))
    found = table.infer_manual_data_interval(run_after=pendulum.datetime(2026, 1, 1, 3, 0))
    assert found == DataInterval(pendulum.datetime(2026, 1, 1, 2, 37), pendulum.datetime(2026, 1, 1, 2, 52))


@pytest.mark.parametrize(
    "table", [AnchoredInterval(timedelta(seconds=90), datetime(2026, 1, 1, tzinfo=UTC)), OncePerVersion("a b")]
)
def test_airflow_stores_ours_and_reads_them_back(table: Timetable) -> None:
    assert decode_timetable(encode_timetable(table)) == table


def once(version: str, last: DataInterval | None, at: datetime) -> DataInterval | None:
    """Return the run that `schedule: once` makes next."""
    limits = TimeRestriction(earliest=pendulum.datetime(2024, 1, 1), latest=None, catchup=False)
    with time_machine.travel(at, tick=False):
        info = OncePerVersion(version).next_dagrun_info(last_automated_data_interval=last, restriction=limits)
    return info.data_interval if info else None


def test_once_runs_once_per_version_and_going_back_is_a_change() -> None:
    noon = datetime(2026, 6, 1, 12, tzinfo=UTC)
    last, seen = None, []
    for number, version in enumerate(["one", "one", "two", "two", "one", "one"]):
        made = once(version, last, noon + timedelta(hours=number))
        seen.append(made is not None)
        last = made or last
    assert seen == [True, False, True, False, True, False]
    # a second change within one second still gets a later run: Airflow allows one run per moment
    assert last is not None
    hasty = once("three", last, last.start)
    assert hasty is not None
    assert hasty.start > last.start


def test_once_after_another_schedule_runs() -> None:
    midnight = DataInterval(pendulum.datetime(2026, 1, 1), pendulum.datetime(2026, 1, 2))
    assert once("one", midnight, datetime(2026, 6, 1, tzinfo=UTC)) is not None


CRONS = [
    "0 2 * * *",
    "30 2 * * *",
    "*/20 * * * *",
    "30 * * * *",
    "15 1,2,3 * * *",
    "0 0 * * 0",
    "0 0 1 * *",
    "5 */6 * * 1-5",
]
MOMENTS = [datetime(2026, 3, 28, 22, 10, tzinfo=UTC), datetime(2026, 10, 24, 22, 10, tzinfo=UTC),
           datetime(2026, 7, 1, 0, 0, tzinfo=UTC)]  # fmt: skip


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Asia/Shanghai", "UTC"])
@pytest.mark.parametrize("cron", CRONS)
def test_the_next_runs_we_tell_are_those_of_airflow(cron: str, zone: str) -> None:
    plan = SchedulePlan("cron", cron=cron, timezone=zone)
    for moment in MOMENTS:
        with time_machine.travel(moment, tick=False):
            made = [interval.end for interval in runs_of(plan, 30, catchup=False)]
        # in UTC: Python takes no time of an hour that comes twice for equal to one of another zone
        told = [found.astimezone(UTC) for found in next_runs(plan, moment, 25)]
        assert told == [end for end in made if end > moment][:25]


@pytest.mark.parametrize("start", [None, "2026-01-01T00:07:00Z", "2026-08-01T00:07:00Z"])
def test_the_next_runs_of_an_interval_are_those_of_airflow(start: str | None) -> None:
    plan = SchedulePlan("interval", interval_s=5400, timezone="Asia/Shanghai", start=start)
    moment = datetime(2026, 7, 1, 0, 0, 30, tzinfo=UTC)
    with time_machine.travel(moment, tick=False):
        made = [interval.end for interval in runs_of(plan, 12, catchup=False)]
    assert next_runs(plan, moment, 10) == [end for end in made if end > moment][:10]


@pytest.mark.parametrize(
    "plan",
    [
        SchedulePlan("manual"),
        SchedulePlan("once"),
        SchedulePlan("cron", cron="0 2 * * *", enabled=False),
        SchedulePlan("interval", interval_s=60, enabled=False),
    ],
)
def test_what_runs_by_no_clock_has_no_next_run(plan: SchedulePlan) -> None:
    assert next_runs(plan, datetime(2026, 1, 1, tzinfo=UTC)) == []
