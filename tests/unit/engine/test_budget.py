"""The error budget is exact to the row: 0, 1, n, and the edge of a percentage."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sync_provider.core.contracts import BudgetPlan, Plan, SchedulePlan, SourcePlan, TargetPlan
from sync_provider.core.engine.budget import check_share
from sync_provider.core.engine.spill import RejectedRows
from sync_provider.core.errors import QualityGateError

PLAN = Plan(
    "erp", "crm", "orders", SourcePlan("file"), TargetPlan("dwh", "orders"), "full", "append", SchedulePlan("manual")
)


def _over(budget: BudgetPlan, rejected: int, read: int) -> bool:
    rows = RejectedRows()
    rows.rows, rows.by_rule = rejected, {"not_null(id)": (rejected, "row 1 id is null")}
    try:
        check_share(replace(PLAN, max_bad=budget), rows, read)
    except QualityGateError:
        return True
    return False


@pytest.mark.parametrize(
    ("budget", "rejected", "read", "over"),
    [
        (BudgetPlan(), 1000, 1000, False),
        (BudgetPlan(rows=0), 0, 10, False),
        (BudgetPlan(rows=0), 1, 10, True),
        (BudgetPlan(rows=5), 5, 10, False),
        (BudgetPlan(rows=5), 6, 10, True),
        (BudgetPlan(percent=1.0), 10, 1000, False),
        (BudgetPlan(percent=1.0), 11, 1000, True),
        (BudgetPlan(percent=0.0), 1, 1000, True),
        (BudgetPlan(percent=0.0), 0, 1000, False),
        (BudgetPlan(percent=1.0), 99, 99, False),
        (BudgetPlan(percent=1.0), 2, 100, True),
        (BudgetPlan(percent=1.0, min_rows=10), 1, 10, True),
        (BudgetPlan(percent=2.3), 2300, 100_000, False),
        (BudgetPlan(percent=2.3), 2301, 100_000, True),
    ],
)
def test_edges(budget: BudgetPlan, rejected: int, read: int, over: bool) -> None:
    assert _over(budget, rejected, read) is over


def test_the_error_names_share_limit_and_worst_rule() -> None:
    rows = RejectedRows()
    rows.rows, rows.by_rule = 1204, {"range(amount)": (14, ""), "not_null(customer_id)": (1190, "")}
    with pytest.raises(QualityGateError) as caught:
        check_share(replace(PLAN, max_bad=BudgetPlan(percent=1.0)), rows, 50_000)
    assert caught.value.what == (
        "interface 'erp.crm.orders': 1,204 of 50,000 rows rejected (2.4 %), limit 1 %; "
        "worst: not_null(customer_id) 1,190"
    )
