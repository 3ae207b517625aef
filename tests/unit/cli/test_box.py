"""What `run` shows: a live line with rows, rows/s and ETA; at the end a box."""

from __future__ import annotations

import io
from datetime import datetime, timedelta, timezone

import pytest
import time_machine

from sync_provider.cli.box import Progress, box
from sync_provider.core.contracts import Counters, RunReport

NOON = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_sees_rows_speed_share_and_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    seen, clock = _Terminal(), iter([0.0, 0.1, 10.0, 10.05])
    monkeypatch.setattr("sync_provider.cli.box.time.monotonic", lambda: next(clock))
    progress = Progress("erp.crm.orders", seen)
    progress(10, 4000)
    progress(1000, 4000)
    progress(1001, 4000)
    assert seen.getvalue().count("rows/s") == 1, "not more often than every 0.2 s"
    assert "erp.crm.orders: 1,000 rows, 100 rows/s, 25%, ETA 30 s" in seen.getvalue()


def test_a_log_file_gets_whole_lines_and_no_control_codes(monkeypatch: pytest.MonkeyPatch) -> None:
    seen, clock = io.StringIO(), iter([0.0, 9.0, 20.0])
    monkeypatch.setattr("sync_provider.cli.box.time.monotonic", lambda: next(clock))
    progress = Progress("erp.crm.orders", seen)
    progress(1, None)
    progress(2000, None)
    progress.close()
    assert seen.getvalue() == "erp.crm.orders: 2,000 rows, 100 rows/s\n"


@time_machine.travel(NOON)
def test_the_box_names_each_rule_with_its_first_example() -> None:
    report = RunReport(
        "erp.crm.orders",
        "r1",
        counters=Counters(
            read=5000, loaded=4990, inserted=4000, updated=980, removed=10, deleted=3, rejected=8, dropped=2
        ),
        rejected_by_rule={"not_null(id)": (1, "row 7 id is null"), "type(amount)": (7, "row 9 amount='x' is not int")},
        checkpoint="2026-01-01 00:00:00",
        started_at=NOON - timedelta(seconds=2),
        ended_at=NOON,
        peak_rss_bytes=116_000_000,
    )
    lines = [line.strip("│ ") for line in box(report).splitlines()]
    assert lines[1] == "erp.crm.orders  ok"
    assert lines[3].split() == ["loaded", "4,990", "4,000", "inserted,", "980", "updated,", "10", "removed"]
    assert ["deleted", "3"] in [line.split() for line in lines]
    assert [line.split()[0] for line in lines if "row " in line] == ["type(amount)", "not_null(id)"]
    assert "duration           2.00 s   2,500 rows/s" in lines
    assert "memory              116 MB peak" in lines
    assert "checkpoint 2026-01-01 00:00:00" in lines
