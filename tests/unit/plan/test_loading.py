"""Which way a load goes, for every answer to how many rows come."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sync_provider.core.contracts import HoursPlan, Plan, SchedulePlan, SourcePlan, TargetPlan
from sync_provider.core.engine.chunked import stage_name
from sync_provider.core.plan.loading import load_path, load_rule

PLAN = Plan(
    "erp", "crm", "orders", SourcePlan("file"), TargetPlan("dwh", "orders"), "full", "merge", SchedulePlan("manual"),
    resume_over=1000,
)  # fmt: skip
NIGHT = HoursPlan(60, 360)


@pytest.mark.parametrize(
    ("load", "hours", "rows", "said"),
    [
        (None, None, 1000, "load: in one transaction, because 1,000 rows are not more than `resume_over: 1000`"),
        (None, None, 1001, "load: staged in chunks, because 1,001 rows are more than `resume_over: 1000`"),
        (None, None, None, "load: in one transaction, because nobody knows how many rows come"),
        (
            None,
            NIGHT,
            None,
            "load: staged in chunks, because nobody knows how many rows come, and they must be able to pause when "
            "`window:` ends",
        ),
        (None, NIGHT, 10, "load: in one transaction, because 10 rows are not more than `resume_over: 1000`"),
        ("staged", None, 1, "load: staged in chunks, because `load: staged` says so"),
        ("direct", NIGHT, 5000, "load: in one transaction, because `load: direct` says so"),
    ],
)
def test_the_way_and_why(load: str | None, hours: HoursPlan | None, rows: int | None, said: str) -> None:
    assert str(load_path(replace(PLAN, load=load, hours=hours), rows)) == said


def test_explain_tells_the_rule() -> None:
    assert load_rule(PLAN) == "staged in chunks above 1,000 rows, else in one transaction"
    assert load_rule(replace(PLAN, hours=NIGHT)) == (
        "staged in chunks above 1,000 rows or when nobody knows how many come, else in one transaction"
    )
    assert load_rule(replace(PLAN, load="staged")) == "staged"


def test_no_two_interfaces_share_a_staging_table() -> None:
    alike = ["a.b_c.orders", "a_b.c.orders", "a.b.orders"]
    assert len({stage_name(name) for name in alike}) == 3
    long = [stage_name(f"erp.crm.{'x' * 80}{end}") for end in "ab"]
    assert long[0] != long[1]
    assert max(len(name.encode()) for name in long) <= 63
    assert stage_name("erp.crm.orders").startswith("_sync_stage_orders_")
