"""Alerts: any Airflow notifier by dotted name, at most one message per entry and run."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sync_provider.core.contracts import AlertPlan, Plan

if TYPE_CHECKING:
    from airflow.sdk import Context

log = logging.getLogger(__name__)


def send(plan: Plan, report: Mapping[str, Any], error: Mapping[str, Any] | None, context: Context) -> None:
    """Send what `alerts:` asks for after a run; a notifier that fails is logged and never fails the run.

    Args:
        report: the run's report as plain values; templates see it as `{{ report.counters.rejected }}`, and the run
            in a sentence as `{{ report.summary }}`.
        error: class, kind, code, what and fix of what failed; None when the run is ok.
    """
    events = happened(error)
    told = {**report, "summary": _summary(plan, report, error)}
    for alert in plan.alerts:
        if events & set(alert.on):
            _send_one(alert, {**context, "report": told, "error": error})


def happened(error: Mapping[str, Any] | None) -> set[str]:
    """Return the events of a run: success, or failure and, when the error budget stopped it, max_bad."""
    if error is None:
        return {"success"}
    return {"failure", "max_bad"} if error["code"] == "max_bad" else {"failure"}


def _send_one(alert: AlertPlan, context: dict[str, Any]) -> None:
    from airflow.sdk.module_loading import import_string

    try:
        import_string(alert.notifier)(**alert.args)(context)
    except Exception as failure:  # noqa: BLE001 - foreign code, after the rows are safe: a lost message is no lost run
        log.error("alert by %s could not be sent: %s: %s", alert.notifier, type(failure).__name__, failure)


def _summary(plan: Plan, report: Mapping[str, Any], error: Mapping[str, Any] | None) -> str:
    """Return the run in a sentence or two."""
    name = f"{plan.title} ({plan.id})" if plan.title else plan.id
    if error is not None:
        return f"{name} failed: {error['what']}" + (f"\nfix: {error['fix']}" if error["fix"] else "")
    counters = report["counters"]
    return f"{name}: read {counters['read']:,}, loaded {counters['loaded']:,}, rejected {counters['rejected']:,}"
