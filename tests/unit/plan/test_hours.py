"""The window of the day, over midnight and where clocks jump."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from sync_provider.core.contracts import HoursPlan
from sync_provider.core.plan.hours import closes_at, is_open, opens_at

NIGHT = HoursPlan(60, 360)
OVER = HoursPlan(22 * 60, 6 * 60, "Asia/Shanghai")


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("hours", "at", "inside"),
    [
        (NIGHT, "2026-01-02T00:59:59.999999", False),
        (NIGHT, "2026-01-02T01:00", True),
        (NIGHT, "2026-01-02T05:59:59", True),
        (NIGHT, "2026-01-02T06:00", False),
        (OVER, "2026-01-02T13:59", False),  # 21:59 in Shanghai
        (OVER, "2026-01-02T14:00", True),
        (OVER, "2026-01-02T16:30", True),  # past midnight there
        (OVER, "2026-01-02T22:00", False),
    ],
)
def test_open_is_from_its_start_to_before_its_end(hours: HoursPlan, at: str, inside: bool) -> None:
    assert is_open(hours, _utc(at)) is inside
    assert (closes_at(hours, _utc(at)) == _utc(at)) is not inside
    assert (opens_at(hours, _utc(at)) == _utc(at)) is inside


@pytest.mark.parametrize(
    ("hours", "at", "closes", "opens"),
    [
        (NIGHT, "2026-01-02T03:00:30", "2026-01-02T06:00", "2026-01-02T03:00:30"),
        (NIGHT, "2026-01-02T07:00:30", "2026-01-02T07:00:30", "2026-01-03T01:00"),
        (OVER, "2026-01-02T15:00", "2026-01-02T22:00", "2026-01-02T15:00"),
        (OVER, "2026-12-31T23:00", "2026-12-31T23:00", "2027-01-01T14:00"),
    ],
)
def test_when_it_closes_and_opens_again(hours: HoursPlan, at: str, closes: str, opens: str) -> None:
    assert closes_at(hours, _utc(at)) == _utc(closes)
    assert opens_at(hours, _utc(at)) == _utc(opens)


def test_where_the_clock_jumps_ahead() -> None:
    """In Berlin 02:00 becomes 03:00 on 29 March 2026: 01:00 UTC."""
    until_half_past = HoursPlan(60, 150, "Europe/Berlin")
    assert closes_at(until_half_past, _utc("2026-03-29T00:30")) == _utc("2026-03-29T01:00"), "02:30 does not come"
    inside_the_gap = HoursPlan(130, 160, "Europe/Berlin")
    assert opens_at(inside_the_gap, _utc("2026-03-28T12:00")) == _utc("2026-03-30T00:10"), "not on that day"
    late = HoursPlan(4 * 60, 6 * 60, "Europe/Berlin")
    assert opens_at(late, _utc("2026-03-28T12:00")) == _utc("2026-03-29T02:00")


def test_where_the_clock_jumps_back() -> None:
    """In Berlin 03:00 becomes 02:00 on 25 October 2026: 01:00 UTC."""
    twice = HoursPlan(130, 160, "Europe/Berlin")
    assert opens_at(twice, _utc("2026-10-24T12:00")) == _utc("2026-10-25T00:10")
    assert closes_at(twice, _utc("2026-10-25T00:10")) == _utc("2026-10-25T00:40")
    assert opens_at(twice, _utc("2026-10-25T00:40")) == _utc("2026-10-25T01:10")
    longer = HoursPlan(60, 360, "Europe/Berlin")
    assert closes_at(longer, _utc("2026-10-24T23:00")) == _utc("2026-10-25T05:00"), "six hours, not five"


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="has no time zone"):
        is_open(NIGHT, datetime(2026, 1, 2))
