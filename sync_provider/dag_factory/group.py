"""One interface → one task group: check → extract → transform → quality → load → report, or one task when fused."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import TaskGroup, TriggerRule
from airflow.sdk.bases.operator import chain

from sync_provider.core.contracts import Plan
from sync_provider.dag_factory.texts import tooltip
from sync_provider.operators.check import CheckSource
from sync_provider.operators.extract import Extract
from sync_provider.operators.load import LoadTarget
from sync_provider.operators.quality import QualityCheck
from sync_provider.operators.report import Report
from sync_provider.operators.retries import RetryAsPlanned
from sync_provider.operators.sync import Sync
from sync_provider.operators.transform import Transform


def build_group(plan: Plan, pools: frozenset[str]) -> TaskGroup:
    """Build the group inside the DAG that is open.

    Args:
        pools: names of the pools that exist; a task of an unknown pool would never run.
    """
    every = _task_options(plan)
    pool = f"sync.{plan.library}.{plan.source_name}"
    reading = {**every, "pool": pool} if plan.limits.get("source") and pool in pools else every
    with TaskGroup(plan.interface, group_display_name=plan.title or plan.interface, tooltip=tooltip(plan)) as group:
        if plan.execution == "fused":
            Sync(task_id="sync", plan=plan, **reading)
            return group
        chain(
            CheckSource(task_id="check", plan=plan, **reading),
            Extract(task_id="extract", plan=plan, **reading),
            Transform(task_id="transform", plan=plan, **every),
            QualityCheck(task_id="quality", plan=plan, **every),
            LoadTarget(task_id="load", plan=plan, **every),
            # runs after a failure too, and is skipped with the interface
            Report(task_id="report", plan=plan, trigger_rule=TriggerRule.NONE_SKIPPED, **every),
        )
    return group


def _task_options(plan: Plan) -> dict[str, Any]:
    """Return what every task of this interface has: owner, retries, timeout, priority.

    The delays are for what ends without a word, a killed worker; all else asks the policy.
    """
    retry = plan.retry
    return {
        "owner": plan.owner or "airflow",
        "retries": retry.max,
        "retry_delay": timedelta(seconds=retry.delay_s),
        "retry_exponential_backoff": 2.0 if retry.backoff == "exponential" else 0,
        "max_retry_delay": timedelta(seconds=retry.max_delay_s),
        "retry_policy": RetryAsPlanned(retry),
        "execution_timeout": timedelta(seconds=plan.timeout_s) if plan.timeout_s else None,
        "priority_weight": plan.priority,
        "weight_rule": "absolute",
    }
