"""Run reports on their way to the store, and the report of a run that failed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from sync_provider.core import errors
from sync_provider.core.contracts import ConnectionLookup, Counters, Plan, RunReport, Window
from sync_provider.core.errors import CancelledError, SkippedError, SyncError
from sync_provider.core.store import database, reports

if TYPE_CHECKING:
    from sync_provider.core.engine.request import Ticket

log = logging.getLogger(__name__)

#: takes a finished run's report
Sink = Callable[[RunReport], None]


def store_sink(plan: Plan, connections: ConnectionLookup) -> Sink:
    """Return a sink that keeps reports in the plan's store. A store that is down never fails a run: it is logged."""

    def keep(report: RunReport) -> None:
        import sqlalchemy as sa

        try:
            engine = database.open_store(plan.store, connections)
            try:
                database.ready(engine)
                reports.save(engine, report)
            finally:
                engine.dispose()
        except (SyncError, sa.exc.SQLAlchemyError, OSError) as error:
            reason = getattr(error, "orig", None) or error  # without SQLAlchemy's link and statement
            log.warning("the report of %s was not kept in the store: %s", report.interface, reason)

    return keep


def report_to_json(report: RunReport) -> dict[str, Any]:
    """Return plain JSON values, times as ISO text, no tuples."""
    values = asdict(report)
    values["rejected_by_rule"] = {rule: list(told) for rule, told in report.rejected_by_rule.items()}
    for name in ("started_at", "ended_at"):
        values[name] = values[name].isoformat() if values[name] else None
    return values


def report_from_json(data: Mapping[str, Any]) -> RunReport:
    """Rebuild a report from `report_to_json` output."""
    values = dict(data)
    values["window"] = Window(**data["window"]) if data["window"] else None
    values["counters"] = Counters(**data["counters"])
    values["rejected_by_rule"] = {rule: (rows, first) for rule, (rows, first) in data["rejected_by_rule"].items()}
    for name in ("started_at", "ended_at"):
        values[name] = datetime.fromisoformat(data[name]) if data[name] else None
    return RunReport(**values)


def error_to_json(error: SyncError) -> dict[str, Any]:
    """Return an error as one task hands it to another, with the report of the run it ended."""
    values = {"class": type(error).__name__, "kind": error.kind, "code": error.code, "what": error.what}
    report = report_to_json(error.report) if error.report is not None else None
    return {**values, "fix": error.fix, "report": report}


def error_from_json(data: Mapping[str, Any]) -> SyncError:
    """Rebuild an error from `error_to_json` output."""
    kind = getattr(errors, str(data.get("class")), SyncError)
    error: SyncError = kind(str(data.get("what", "")), fix=str(data.get("fix", "")), code=str(data.get("code", "")))
    error.report = report_from_json(data["report"]) if data.get("report") else None
    return error


def failed(plan: Plan, run_id: str, error: SyncError, ticket: Ticket | None = None) -> RunReport:
    """Return the report of a run that ended in `error`; counts of the run itself come with `error.report`."""
    now = datetime.now(timezone.utc)
    report = error.report or RunReport(interface=plan.id, run_id=run_id)
    report.status = {SkippedError: "skipped", CancelledError: "cancelled"}.get(type(error), "failed")
    report.started_at = report.started_at or (datetime.fromisoformat(ticket.started_at) if ticket else now)
    report.ended_at = now
    report.window = report.window or (ticket.window if ticket else None)
    report.error_kind, report.error, report.fix = error.kind, error.what, error.fix
    report.config_hash = plan.config_hash
    error.report = report
    return report
