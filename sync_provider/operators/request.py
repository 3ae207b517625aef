"""Airflow's run (Params, conf, backfill, schedule) → what the engine is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.sdk import Context

    from sync_provider.core.contracts import Plan
    from sync_provider.core.engine.request import RunRequest


def run_request(context: Context) -> RunRequest:
    """Say which rows this run wants; a window or `full` from the form or `--conf` wins over a backfill's interval."""
    from sync_provider.core.engine.request import RunRequest

    run, params = context["dag_run"], context["params"]
    kind, since, until = None, params.get("since") or None, params.get("until") or None
    if since or until:
        kind = "manual"
    elif params.get("full"):
        kind = "full"
    elif _is(run, "backfill"):
        kind, since, until = "backfill", _iso(run.data_interval_start), _iso(run.data_interval_end)
    return RunRequest(run.run_id, kind, since, until, try_number=context["ti"].try_number)


def why_not(plan: Plan, context: Context) -> str | None:
    """Return why this interface sits this run out, or None when it runs."""
    chosen = context["params"].get("interfaces") or []
    if chosen and plan.interface not in chosen:
        return f"interface {plan.id!r} was not selected for this run"
    if not plan.schedule.enabled and not chosen and not _whole_source_is_disabled(plan, context):
        return f"interface {plan.id!r} has `enabled: false`; name it in the form to run it once"
    return None


def at_any_time(context: Context) -> bool:
    """Whether the person who started this run said that its window of the day does not matter."""
    return bool(context["params"].get("any_time"))


def _whole_source_is_disabled(plan: Plan, context: Context) -> bool:
    """Whether nothing of this DAG is enabled: then only a person can have started it."""
    return "disabled" in context["dag"].tags and _is(context["dag_run"], "manual")


def _is(run: Any, kind: str) -> bool:
    return getattr(run.run_type, "value", run.run_type) == kind


def _iso(moment: Any) -> str | None:
    return moment.isoformat() if moment else None
