"""The box at the end of a run."""

from __future__ import annotations

from sync_provider.cli.box import box
from sync_provider.core.contracts import Counters, RunReport


def report(read: int, rejected: int) -> RunReport:
    counters = Counters(read=read, loaded=read - rejected, inserted=read - rejected, rejected=rejected)
    return RunReport(
        "erp.files.orders", "r", counters=counters, rejected_by_rule={"type(a)": (rejected, "row 1 a='x'")}
    )


def test_a_run_without_one_good_row_says_how_to_make_it_red() -> None:
    assert "note       not one row was good; `max_bad: 1%` would fail such a run" in box(report(5, 5))
    assert "note" not in box(report(5, 4))
    assert "note" not in box(report(0, 0))


def test_the_parts_of_the_box() -> None:
    lines = box(report(1_500, 1)).splitlines()

    assert lines[1] == "│ erp.files.orders  ok"
    assert lines[3] == "│ loaded            1,499   1,499 inserted"
    assert lines[5].startswith("│   type(a)")
    assert lines[5].endswith("1   row 1 a='x'")
