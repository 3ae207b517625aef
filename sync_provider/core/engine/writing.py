"""The transaction that ends a load: rows, then rejected rows, then ledger and checkpoint, then COMMIT."""

from __future__ import annotations

import logging
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timezone

from sync_provider.core.contracts import Load, Plan, RunReport, Session, Target
from sync_provider.core.engine import budget, guard
from sync_provider.core.engine.cancel import Cancel
from sync_provider.core.engine.chunked import Chunks, aborted
from sync_provider.core.engine.failpoints import failpoint
from sync_provider.core.engine.feeding import Done, Feed
from sync_provider.core.engine.limiting import limit_notes
from sync_provider.core.engine.meter import Meter
from sync_provider.core.engine.opening import load_spec
from sync_provider.core.engine.recovering import recover
from sync_provider.core.engine.request import Ticket
from sync_provider.core.engine.rereading import cursor_order
from sync_provider.core.engine.spill import KEEP
from sync_provider.core.engine.stages import Cut, Stages
from sync_provider.core.engine.tally import Tally
from sync_provider.core.errors import (
    BusyError,
    CancelledError,
    ConnectError,
    ContractError,
    PausedError,
    QualityGateError,
    SyncError,
)
from sync_provider.core.ledger import checkpoint, lease
from sync_provider.core.ledger import load as loads
from sync_provider.core.ledger import rejected as quarantine
from sync_provider.core.plan.loading import LoadPath, load_path

log = logging.getLogger(__name__)


class Writing:
    """One run's load over one connection.

    Args:
        meter: takes the seconds per stage; shared with whoever produces the cuts.
    """

    def __init__(self, plan: Plan, ticket: Ticket, stages: Stages, target: Target, meter: Meter) -> None:
        self.plan = plan
        self.ticket = ticket
        self.stages = stages
        self.target = target
        self.meter = meter
        self.tally = Tally()
        self.notes: list[str] = limit_notes(plan)
        self._spec = load_spec(plan, stages, ticket)
        self._chunks = Chunks(plan, ticket, target, self._spec, meter)
        self._chunked = False
        self._checkpoint: str | None = None

    def execute(self, feed: Feed, cancel: Cancel, stop_at: datetime | None = None) -> RunReport:
        """Write everything and commit, or leave the target as it was.

        What an earlier try under this ticket committed (it was killed before it could say so) is not written again.

        Args:
            stop_at: when a load in chunks pauses.

        Raises:
            QualityGateError: over budget, or a check with `on_fail: abort`; evidence is kept as `aborted`.
            CancelledError: another run took the lease meanwhile, or somebody stopped this one.
            BusyError: another try of this run committed meanwhile.
            PausedError: the window of the day ended between two chunks; the same run goes on there.
            ContractError: the counts do not add up.
        """
        session = self.target.session()
        try:
            with cancel.watch(session):
                recalled = self._is_done(session)
                recover(self.plan, self.ticket, self.target, session, self._spec, committed=recalled)
                if recalled:
                    self._recall(session)
                else:
                    self._write(session, feed, cancel, stop_at)
                if recalled or self._chunked:
                    self._clean(session)
                return self.report("ok")
        except PausedError:
            raise
        except QualityGateError as error:
            session.rollback()
            self._keep_evidence(session)
            error.report = self.report("failed")
            raise
        except SyncError as error:
            session.rollback()
            cancel.check()
            if isinstance(error, ConnectError):
                self._say_who_cut(error)
            error.report = self.report("failed")
            raise
        finally:
            session.close()
            self.tally.rejected.close()
            self._chunks.part.rejected.close()

    def _say_who_cut(self, error: ConnectError) -> None:
        """A run that took the lease ends our connection: then trying again would only take it back.

        Raises:
            CancelledError: it was so.
        """
        try:
            beside = self.target.session()
        except SyncError:
            return
        try:
            lease.verify(beside, self.plan.target.state_schema, self.plan.id, self.ticket.token)
        except CancelledError as lost:
            lost.report = self.report("failed")
            raise lost from error
        except SyncError:
            return
        finally:
            beside.close()

    def _write(self, session: Session, feed: Feed, cancel: Cancel, stop_at: datetime | None) -> None:
        guard.take_over(self.plan, self.ticket.token, session, self.target)
        table = f"{self.plan.target.schema or ''}.{self.plan.target.table}"
        lease.announce_table(session, self.plan.target.state_schema, table)
        done = self._choose(session, feed)
        failpoint("begin")
        if self._chunked:
            self._chunks.fill(session, feed, done, self.tally, cancel, stop_at)
        session.begin()
        lease.lock_table(session, self.plan.target.state_schema, table)
        if self._chunked:
            load = self._chunks.load(session)
        else:
            load = self.target.load(session, self._spec)
            self._pour(load, feed, cancel)
        with self.meter.stage("load"):
            failpoint("move")
            self._finish(load)
            self._settle(session)
            failpoint("commit")
            self._commit(session)
        failpoint("after_commit")

    def _choose(self, session: Session, feed: Feed) -> Done:
        """Go on with the chunks of an earlier try, or choose how the rows are written; return what is done already."""
        done = self._chunks.resume(session, feed, self.tally)
        if done is not None:
            path = LoadPath(
                True, f"an earlier try left {done.chunks:,} chunks with {done.read:,} rows read, which stay"
            )
        else:
            path = load_path(self.plan, feed.expected())
        if path.chunked or self.plan.load is not None or self.plan.hours is not None:
            self.notes.append(str(path))
        self._chunked = path.chunked
        if not path.chunked:
            self._chunks.sweep(session)
        elif done is None:
            self._chunks.begin(session, feed)
        return done or Done()

    def _pour(self, load: Load, feed: Feed, cancel: Cancel) -> None:
        """Write all rows within the one transaction."""
        for cut in feed.cuts(Done()):
            with self.meter.stage("load"):
                self._add(load, cut)
            failpoint("copy")
            cancel.check()

    def _finish(self, load: Load) -> None:
        """Move the rows; what is rejected now belongs to the run, and where chunks were before, to their rest."""
        counted, bad = load.finish()
        self.notes += load.notes
        if self._chunked:
            self._chunks.part.places = self.tally.places
            self._chunks.part.finish(load, counted, bad)
            self._chunks.part.places = []
            self.tally.join(self._chunks.part)
        else:
            self.tally.finish(load, counted, bad)

    def _is_done(self, session: Session) -> bool:
        """Whether a try of this run under this very ticket has committed."""
        plan, ticket = self.plan, self.ticket
        return loads.committed(session, plan.target.state_schema, plan.id, ticket.run_id, ticket.token)

    def _recall(self, session: Session) -> None:
        """Take over what the try that committed wrote into the ledger."""
        which = (self.plan.target.state_schema, self.plan.id, self.ticket.run_id)
        self.tally.counters = loads.counted(session, *which)
        self.tally.rejected.rows = self.tally.counters.rejected
        self.tally.rejected.by_rule = quarantine.by_rule(session, *which)
        if self.ticket.window.moves_checkpoint:
            self._checkpoint = checkpoint.get(session, *which[:2])

    def _add(self, load: Load, cut: Cut) -> None:
        self.tally.add(cut)
        if cut.abort:
            raise aborted(self.plan, cut.abort)
        if not cut.frame.is_empty():
            self.tally.refuse(load.write(cut.frame))
        budget.check_rows(self.plan, self.tally.rejected, self.tally.counters.read)

    def _settle(self, session: Session) -> None:
        """Everything after the rows and before COMMIT."""
        plan, ticket, schema = self.plan, self.ticket, self.plan.target.state_schema
        counters = self.tally.counters
        counters.rejected = self.tally.rejected.rows
        budget.check_share(plan, self.tally.rejected, counters.read)
        if leak := counters.leak():
            raise ContractError(
                f"interface {plan.id!r}: {leak} of {counters.read} rows read are not accounted for: "
                f"{counters}; nothing was committed",
                fix="report this with the interface's YAML",
            )
        lease.verify(session, schema, plan.id, ticket.token)
        if self._is_done(session):
            raise BusyError(
                f"interface {plan.id!r}: another try of run {ticket.run_id!r} committed meanwhile; this one did not",
                fix="nothing: the next try finds the run done",
            )
        failpoint("rejected")
        if self._chunked:
            self._chunks.publish(session)
        else:
            quarantine.replace(session, schema, plan, ticket.run_id, self.tally.rejected.frames(), state="new")
        failpoint("ledger")
        before = checkpoint.get(session, schema, plan.id)
        if ticket.window.moves_checkpoint and ticket.window.reaches is not None:
            moved = (ticket.window.reaches, ticket.run_id, plan.increment.cursor if plan.increment else None)
            self._checkpoint = checkpoint.advance(session, schema, plan.id, *moved, cursor_order(plan, ticket))
        counters.warned = sum(self.tally.warned.values())
        loads.finish(session, schema, plan.id, ticket.run_id, ticket.token, counters, before)

    def _commit(self, session: Session) -> None:
        """COMMIT; where the connection is lost in it, the ledger tells whether it happened."""
        try:
            session.commit()
        except ConnectError:
            with closing(self.target.session()) as again:
                if not self._is_done(again):
                    raise
                recover(self.plan, self.ticket, self.target, again, self._spec, committed=True)

    def _clean(self, session: Session) -> None:
        """Throw the staging table of a load away that is over; the rows are committed, whatever comes of it."""
        failpoint("discard")
        try:
            self._chunks.sweep(session)
        except SyncError as error:
            log.warning("the staging table of %s stays until its next run: %s", self.plan.id, error)

    def _keep_evidence(self, session: Session) -> None:
        """Keep the first rejected rows of a stopped run, visible and not replayable.

        A cleared run that had committed keeps the rejected rows of that commit: they belong to rows that are there.
        """
        schema, run_id = self.plan.target.state_schema, self.ticket.run_id
        if not self.ticket.again:
            session.begin()
            lease.verify(session, schema, self.plan.id, self.ticket.token)
            if self._chunked:
                self._chunks.keep_evidence(session)
            else:
                quarantine.replace(session, schema, self.plan, run_id, self.tally.rejected.frames(KEEP), "aborted")
            session.commit()
        if self._chunked:
            self._chunks.sweep(session)

    def report(self, status: str) -> RunReport:
        """Return what this run did; of a run that was rolled back nothing is loaded."""
        if status != "ok":
            undone = dict.fromkeys(
                ("loaded", "inserted", "updated", "unchanged", "deleted", "removed", "superseded"), 0
            )
            self.tally.counters = replace(self.tally.counters, rejected=self.tally.rejected.rows, **undone)
        return RunReport(
            interface=self.plan.id,
            run_id=self.ticket.run_id,
            status=status,
            window=self.ticket.window,
            counters=self.tally.counters,
            rejected_by_rule=dict(self.tally.rejected.by_rule),
            warned_by_rule=self.tally.warned,
            checkpoint=self._checkpoint,
            started_at=datetime.fromisoformat(self.ticket.started_at),
            ended_at=datetime.now(timezone.utc),
            stage_s=self.meter.seconds(),
            peak_rss_bytes=self.meter.peak_rss_bytes(),
            config_hash=self.plan.config_hash,
            notes=self.notes,
        )
