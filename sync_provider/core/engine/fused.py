"""One run in one process: read, transform, check, write, nothing staged on disk."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

from sync_provider.core.contracts import Batch, ConnectionLookup, Plan, RunReport, Source, Target
from sync_provider.core.engine import guard, reporting
from sync_provider.core.engine.cancel import Cancel
from sync_provider.core.engine.failpoints import failpoint
from sync_provider.core.engine.meter import Meter
from sync_provider.core.engine.opening import mask_keys, open_source, open_target
from sync_provider.core.engine.request import RunRequest, Ticket
from sync_provider.core.engine.settling import settle
from sync_provider.core.engine.stages import Cut, Stages
from sync_provider.core.engine.writing import Writing
from sync_provider.core.errors import BusyError, SyncError
from sync_provider.core.ledger import load as loads

log = logging.getLogger(__name__)

#: (rows read so far, rows expected or None)
Progress = Callable[[int, int | None], None]


def run(
    plan: Plan,
    request: RunRequest,
    connections: ConnectionLookup,
    cancel: Cancel,
    progress: Progress | None = None,
    sink: reporting.Sink | None = None,
) -> RunReport:
    """Run one interface from `check` to `report` in this process.

    Args:
        sink: takes the report, also of a failed run; None = the plan's store.

    Raises:
        SyncError: the run failed; `error.report` tells how far it came.
    """
    sink = sink or reporting.store_sink(plan, connections)
    try:
        report = _run(plan, request, connections, cancel, progress)
    except BusyError:
        raise  # nothing was begun: the run comes back when the other one is done
    except SyncError as error:
        sink(reporting.failed(plan, request.run_id, error))
        raise
    sink(report)
    return report


def _run(
    plan: Plan, request: RunRequest, connections: ConnectionLookup, cancel: Cancel, progress: Progress | None
) -> RunReport:
    keys = mask_keys(plan, connections)
    with open_source(plan, connections) as source, open_target(plan, connections) as target, cancel.watch(source):
        ticket = settle(plan, request, source, target, keys, task=False)
        try:
            stages = Stages.compile(plan, ticket.source_columns, ticket.target_columns, keys)
            meter = Meter()
            with guard.heartbeat(plan, ticket.token, target, cancel, task=False):
                cuts = _cuts(source, ticket, stages, meter, progress)
                report = Writing(plan, ticket, stages, target, meter).execute(cuts, cancel)
            acknowledge(source)
            failpoint("ack")
            return report
        except SyncError as error:
            mark_failed(plan, ticket, target, error.what)
            raise
        finally:
            guard.release(plan, ticket.token, target)


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


def _cuts(source: Source, ticket: Ticket, stages: Stages, meter: Meter, progress: Progress | None) -> Iterator[Cut]:
    rows = 0
    for batch in metered(source.read(ticket.window), meter):
        with meter.stage("transform"):
            cut = stages.transform(batch)
        with meter.stage("quality"):
            cut = stages.quality(cut)
        rows += batch.frame.height
        if progress is not None:
            progress(rows, batch.total)
        yield cut


def metered(batches: Iterator[Batch], meter: Meter) -> Iterator[Batch]:
    """Yield the source's batches, their reading counted as `extract`."""
    while True:
        with meter.stage("extract"):
            batch = next(batches, None)
        if batch is None:
            return
        yield batch


def acknowledge(source: Source) -> None:
    """Tell the source that its rows are safe; a refusal changes nothing for the target."""
    try:
        source.ack()
    except SyncError as error:
        log.warning("the rows are committed, the source did not take the acknowledgement: %s", error)
