"""One run in one process: read, transform, check, write, nothing staged on disk."""

from __future__ import annotations

import logging
from datetime import datetime

from sync_provider.core.contracts import ConnectionLookup, Plan, RunReport, Target
from sync_provider.core.engine import guard, reporting
from sync_provider.core.engine.acknowledging import acknowledge
from sync_provider.core.engine.cancel import Cancel
from sync_provider.core.engine.failpoints import failpoint
from sync_provider.core.engine.feeding import Progress, SourceFeed
from sync_provider.core.engine.meter import Meter
from sync_provider.core.engine.opening import mask_keys, open_source, open_target
from sync_provider.core.engine.request import RunRequest, Ticket
from sync_provider.core.engine.settling import settle
from sync_provider.core.engine.stages import Stages
from sync_provider.core.engine.writing import Writing
from sync_provider.core.errors import BusyError, PausedError, SyncError
from sync_provider.core.ledger import load as loads

log = logging.getLogger(__name__)


def run(
    plan: Plan,
    request: RunRequest,
    connections: ConnectionLookup,
    cancel: Cancel,
    progress: Progress | None = None,
    sink: reporting.Sink | None = None,
    stop_at: datetime | None = None,
) -> RunReport:
    """Run one interface from `check` to `report` in this process.

    Args:
        sink: takes the report, also of a failed run; None = the plan's store.
        stop_at: when a load in chunks pauses.

    Raises:
        PausedError: it did; run again, it goes on at the next chunk.
        SyncError: the run failed; `error.report` tells how far it came.
    """
    sink = sink or reporting.store_sink(plan, connections)
    try:
        report = _run(plan, request, connections, cancel, progress, stop_at)
    except (BusyError, PausedError):
        raise  # not over: the run comes back when the other one is done, or the window opens
    except SyncError as error:
        sink(reporting.failed(plan, request.run_id, error))
        raise
    sink(report)
    return report


def _run(
    plan: Plan,
    request: RunRequest,
    connections: ConnectionLookup,
    cancel: Cancel,
    progress: Progress | None,
    stop_at: datetime | None,
) -> RunReport:
    keys = mask_keys(plan, connections)
    with open_source(plan, connections) as source, open_target(plan, connections) as target, cancel.watch(source):
        ticket = settle(plan, request, source, target, keys, task=False)
        try:
            stages = Stages.compile(plan, ticket.source_columns, ticket.target_columns, keys)
            meter = Meter()
            with guard.heartbeat(plan, ticket.token, target, cancel, task=False):
                feed = SourceFeed(source, ticket.window, stages, meter, progress)
                report = Writing(plan, ticket, stages, target, meter).execute(feed, cancel, stop_at)
            acknowledge(plan, ticket, source, target)
            failpoint("ack")
        except PausedError as paused:
            guard.hold(plan, ticket.token, target, paused.until)
            raise
        except SyncError as error:
            mark_failed(plan, ticket, target, error.what)
            guard.release(plan, ticket.token, target)
            raise
        except BaseException:
            guard.release(plan, ticket.token, target)
            raise
        guard.release(plan, ticket.token, target)
        return report


def mark_failed(plan: Plan, ticket: Ticket, target: Target, error: str) -> None:
    """Enter a failure in the ledger, where the target still lets us; the report says it anyway."""
    try:
        session = target.session()
    except SyncError:
        return
    try:
        loads.fail(session, plan.target.state_schema, plan.id, ticket.run_id, error)
    except SyncError as silent:
        log.warning("the failure of %s was not entered in the ledger: %s", plan.id, silent)
    finally:
        session.close()
