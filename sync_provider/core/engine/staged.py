"""The same run cut into Airflow tasks: check → extract → transform → quality → load → report.

A plan with a mask runs all stages in `extract`, so that staging never holds a clear value;
`transform` and `quality` then hand the same parts on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from sync_provider.core.contracts import ConnectionLookup, Plan
from sync_provider.core.engine import cuts, guard, reporting, staging
from sync_provider.core.engine.acknowledging import acknowledge
from sync_provider.core.engine.cancel import Cancel
from sync_provider.core.engine.failpoints import failpoint
from sync_provider.core.engine.feeding import PartsFeed, metered
from sync_provider.core.engine.fused import mark_failed
from sync_provider.core.engine.meter import Meter
from sync_provider.core.engine.opening import mask_keys, open_source, open_target
from sync_provider.core.engine.request import Handover, RunRequest, Ticket
from sync_provider.core.engine.settling import settle
from sync_provider.core.engine.stages import Cut, Stages
from sync_provider.core.engine.writing import Writing
from sync_provider.core.errors import PausedError

Json = dict[str, Any]


def check(plan: Plan, request: RunRequest, connections: ConnectionLookup, cancel: Cancel | None = None) -> Json:
    """Connect, prepare tables, take the lease, fix the window; return the ticket for the later stages."""
    keys, cancel = mask_keys(plan, connections), cancel or Cancel()
    with open_source(plan, connections) as source, open_target(plan, connections) as target, cancel.watch(source):
        return settle(plan, request, source, target, keys, task=True).to_json()


def extract(plan: Plan, ticket: Json, connections: ConnectionLookup, cancel: Cancel, try_number: int = 1) -> Json:
    """Read the window into staging parts."""
    pass_ = Ticket.from_json(ticket)
    meter, folder = Meter(), _folder(plan, pass_, "extract", try_number)
    with (
        open_source(plan, connections) as source,
        _alive(plan, pass_, connections, cancel),
        cancel.watch(source),
    ):
        stages = _stages(plan, pass_, connections)
        writer = staging.PartWriter(folder)
        counted = cuts.Counted()
        for batch in metered(source.read(pass_.window), meter):
            if stages.masked:
                with meter.stage("transform"):
                    cut = stages.quality(stages.transform(batch))
                counted.add(cut)
                writer.add(*cuts.to_part(cut))
            else:
                counted.add_read(batch)
                writer.add(*cuts.batch_to_part(batch))
            cancel.check()
        uri = writer.close()
    done = "quality" if stages.masked else "extract"
    return counted.handover(uri, done, meter).to_json()


def transform(
    plan: Plan, ticket: Json, handover: Json, connections: ConnectionLookup, cancel: Cancel, try_number: int = 1
) -> Json:
    """Filter, columns, clean."""

    def work(stages: Stages, frames: Json, note: Json) -> Cut:
        return stages.transform(cuts.batch_from_part(frames, note))

    return _stage("transform", work, plan, ticket, handover, connections, cancel, try_number)


def quality(
    plan: Plan, ticket: Json, handover: Json, connections: ConnectionLookup, cancel: Cancel, try_number: int = 1
) -> Json:
    """Checks."""

    def work(stages: Stages, frames: Json, note: Json) -> Cut:
        return stages.quality(cuts.from_part(frames, note))

    return _stage("quality", work, plan, ticket, handover, connections, cancel, try_number)


def load(
    plan: Plan,
    ticket: Json,
    handover: Json,
    connections: ConnectionLookup,
    cancel: Cancel,
    try_number: int = 1,
    stop_at: datetime | None = None,
) -> Json:
    """Commit the good rows, the rejected rows, ledger and checkpoint together; then tell the source.

    Args:
        stop_at: when a load in chunks pauses.

    Raises:
        PausedError: it did; called again, it goes on at the next chunk.
    """
    pass_, parts = Ticket.from_json(ticket), Handover.from_json(handover)
    meter = Meter(parts.stage_s)
    stages = _stages(plan, pass_, connections)
    with open_target(plan, connections) as target:
        try:
            with guard.heartbeat(plan, pass_.token, target, cancel, task=True):
                feed = PartsFeed(parts.uri, parts.counters.read)
                report = Writing(plan, pass_, stages, target, meter).execute(feed, cancel, stop_at)
        except PausedError as paused:
            guard.hold(plan, pass_.token, target, paused.until)
            raise
        with open_source(plan, connections) as source:
            acknowledge(plan, pass_, source, target)
    return reporting.report_to_json(report)


def report(
    plan: Plan,
    ticket: Json | None,
    outcome: Json | None,
    connections: ConnectionLookup,
    *,
    error: Json | None = None,
    run_id: str = "",
    sink: reporting.Sink | None = None,
) -> Json:
    """Keep the run's report, give the lease back, remove its staging files; return the report.

    Args:
        ticket: what `check` returned; None when it did not get so far.
        outcome: what `load` returned; None when it did not get so far.
        error: `class`, `kind`, `what`, `fix` and, where there is one, `report` of what ended the run.
        run_id: for a run without a ticket.
    """
    pass_ = Ticket.from_json(ticket) if ticket else None
    run = pass_.run_id if pass_ else run_id
    if outcome is not None and error is None:
        made = reporting.report_from_json(outcome)
    else:
        made = reporting.failed(plan, run, reporting.error_from_json(error or {}), pass_)
    (sink or reporting.store_sink(plan, connections))(made)
    failpoint("ack")
    if pass_ is not None:
        with open_target(plan, connections) as target:
            if made.status != "ok":
                mark_failed(plan, pass_, target, made.error)
            guard.release(plan, pass_.token, target)
    staging.remove(staging.run_folder(plan.staging, plan.id, run))
    return reporting.report_to_json(made)


def _stage(
    name: str,
    work: Callable[[Stages, Json, Json], Cut],
    plan: Plan,
    ticket: Json,
    handover: Json,
    connections: ConnectionLookup,
    cancel: Cancel,
    try_number: int,
) -> Json:
    """Run one frame stage over all parts, unless an earlier task went past it already."""
    pass_, before = Ticket.from_json(ticket), Handover.from_json(handover)
    if before.stage == "quality":
        return handover
    meter, counted = Meter(before.stage_s), cuts.Counted()
    with _alive(plan, pass_, connections, cancel):
        stages = _stages(plan, pass_, connections)
        writer = staging.PartWriter(_folder(plan, pass_, name, try_number))
        for frames, note in staging.read_parts(before.uri):
            with meter.stage(name):
                cut = work(stages, frames, note)
            counted.add(cut)
            writer.add(*cuts.to_part(cut))
            cancel.check()
        uri = writer.close()
    return counted.handover(uri, name, meter).to_json()


@contextmanager
def _alive(plan: Plan, ticket: Ticket, connections: ConnectionLookup, cancel: Cancel) -> Iterator[None]:
    with open_target(plan, connections) as target, guard.heartbeat(plan, ticket.token, target, cancel, task=True):
        yield


def _stages(plan: Plan, ticket: Ticket, connections: ConnectionLookup) -> Stages:
    return Stages.compile(plan, ticket.source_columns, ticket.target_columns, mask_keys(plan, connections))


def _folder(plan: Plan, ticket: Ticket, stage: str, try_number: int) -> Path:
    return staging.run_folder(plan.staging, plan.id, ticket.run_id) / f"{stage}-{try_number}"
