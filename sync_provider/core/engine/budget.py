"""`max_bad`: the error budget, exact to the row."""

from __future__ import annotations

from decimal import Decimal

from sync_provider.core.contracts import BudgetPlan, Plan
from sync_provider.core.engine.spill import RejectedRows
from sync_provider.core.errors import QualityGateError


def check_rows(plan: Plan, rejected: RejectedRows, read: int) -> None:
    """Stop as soon as more rows are rejected than `max_bad: {rows}` allows."""
    limit = plan.max_bad.rows
    if limit is not None and rejected.rows > limit:
        raise over(plan, rejected, read, f"limit {limit:,} rows")


def check_share(plan: Plan, rejected: RejectedRows, read: int) -> None:
    """Stop a finished read whose share of rejected rows is over `max_bad: <percent>`."""
    check_rows(plan, rejected, read)
    budget: BudgetPlan = plan.max_bad
    if budget.percent is None or read < budget.min_rows:
        return
    if rejected.rows * 100 > Decimal(str(budget.percent)) * read:  # 2.3 as it was written, not the float near it
        raise over(plan, rejected, read, f"limit {budget.percent:g} %")


def over(plan: Plan, rejected: RejectedRows, read: int, limit: str) -> QualityGateError:
    """Return the error of a run over its budget, naming the worst rule."""
    rule, (rows, _) = max(rejected.by_rule.items(), key=lambda item: item[1][0])
    share = f" ({100 * rejected.rows / read:.1f} %)" if read else ""
    return QualityGateError(
        f"interface {plan.id!r}: {rejected.rows:,} of {read:,} rows rejected{share}, {limit}; worst: {rule} {rows:,}",
        fix=f"look at them in _sync_rejected (interface {plan.id!r}, state 'aborted'); "
        "correct the source or raise max_bad, then clear the run",
        code="max_bad",
    )
