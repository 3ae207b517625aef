"""The one write transaction: rows, then rejected rows, then ledger and checkpoint, then COMMIT."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timezone

from sync_provider.core.contracts import Counters, Load, Plan, RunReport, Session, Target
from sync_provider.core.engine import budget
from sync_provider.core.engine.cancel import Cancel
from sync_provider.core.engine.failpoints import failpoint
from sync_provider.core.engine.meter import Meter
from sync_provider.core.engine.opening import load_spec
from sync_provider.core.engine.places import Place, with_positions
from sync_provider.core.engine.request import Ticket
from sync_provider.core.engine.spill import KEEP, RejectedRows
from sync_provider.core.engine.stages import Cut, Stages
from sync_provider.core.errors import (
    BusyError,
    CancelledError,
    ConnectError,
    ContractError,
    QualityGateError,
    SyncError,
)
from sync_provider.core.ledger import checkpoint, lease
from sync_provider.core.ledger import load as loads
from sync_provider.core.ledger import rejected as quarantine


class Writing:
    """One run's write transaction on one connection.

    Args:
        meter: takes the seconds per stage; shared with whoever produces the cuts.
    """

    def __init__(self, plan: Plan, ticket: Ticket, stages: Stages, target: Target, meter: Meter) -> None:
        self.plan = plan
        self.ticket = ticket
        self.stages = stages
        self.target = target
        self.meter = meter
        self.counters = Counters()
        self.rejected = RejectedRows()
        self.warned: dict[str, int] = {}
        self._places: list[Place] = []
        self._checkpoint: str | None = None

    def execute(self, cuts: Iterable[Cut], cancel: Cancel) -> RunReport:
        """Write everything and commit, or leave the target as it was.

        What an earlier try under this ticket committed (it was killed before it could say so) is not written again.

        Raises:
            QualityGateError: over budget, or a check with `on_fail: abort`; evidence is kept as `aborted`.
            CancelledError: another run took the lease meanwhile, or somebody stopped this one.
            BusyError: another try of this run committed meanwhile.
            ContractError: the counts do not add up.
        """
        session = self.target.session()
        try:
            with cancel.watch(session):
                if self._is_done(session):
                    self._recall(session)
                else:
                    self._write(session, cuts, cancel)
                return self.report("ok")
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
            self.rejected.close()

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

    def _write(self, session: Session, cuts: Iterable[Cut], cancel: Cancel) -> None:
        lease.claim_backend(session, self.plan.target.state_schema, self.plan.id, self.ticket.token, session.backend())
        table = f"{self.plan.target.schema or ''}.{self.plan.target.table}"
        lease.announce_table(session, self.plan.target.state_schema, table)
        failpoint("begin")
        session.begin()
        lease.lock_table(session, self.plan.target.state_schema, table)
        load = self.target.load(session, load_spec(self.plan, self.stages, self.ticket))
        for cut in cuts:
            with self.meter.stage("load"):
                self._add(load, cut)
            failpoint("copy")
            cancel.check()
        with self.meter.stage("load"):
            failpoint("move")
            counted, bad = load.finish()
            self.counters.add(counted)
            self.rejected.add(with_positions(bad, self._places))
            for rule, rows in load.warned.items():
                self.warned[rule] = self.warned.get(rule, 0) + rows
            self._settle(session)
            failpoint("commit")
            self._commit(session)
        failpoint("after_commit")

    def _is_done(self, session: Session) -> bool:
        """Whether a try of this run under this very ticket has committed."""
        plan, ticket = self.plan, self.ticket
        return loads.committed(session, plan.target.state_schema, plan.id, ticket.run_id, ticket.token)

    def _recall(self, session: Session) -> None:
        """Take over what the try that committed wrote into the ledger."""
        which = (self.plan.target.state_schema, self.plan.id, self.ticket.run_id)
        self.counters = loads.counted(session, *which)
        self.rejected.rows = self.counters.rejected
        self.rejected.by_rule = quarantine.by_rule(session, *which)
        if self.ticket.window.moves_checkpoint:
            self._checkpoint = checkpoint.get(session, *which[:2])

    def _add(self, load: Load, cut: Cut) -> None:
        self.counters.add(cut.counters)
        self.rejected.add(cut.rejected, cut.rejected_by_rule)
        for rule, rows in cut.warned_by_rule.items():
            self.warned[rule] = self.warned.get(rule, 0) + rows
        if cut.abort:
            raise QualityGateError(
                f"interface {self.plan.id!r}: {cut.abort}",
                fix="correct the source, or set `on_fail: quarantine` on this check, then clear the run",
                code="abort",
            )
        if not cut.frame.is_empty():
            self._places.append(Place.of(cut))
            self.rejected.add(with_positions(load.write(cut.frame), self._places[-1:]))
        budget.check_rows(self.plan, self.rejected, self.counters.read)

    def _settle(self, session: Session) -> None:
        """Everything after the rows and before COMMIT."""
        plan, ticket, schema = self.plan, self.ticket, self.plan.target.state_schema
        self.counters.rejected = self.rejected.rows
        budget.check_share(plan, self.rejected, self.counters.read)
        if leak := self.counters.leak():
            raise ContractError(
                f"interface {plan.id!r}: {leak} of {self.counters.read} rows read are not accounted for: "
                f"{self.counters}; nothing was committed",
                fix="report this with the interface's YAML",
            )
        lease.verify(session, schema, plan.id, ticket.token)
        if self._is_done(session):
            raise BusyError(
                f"interface {plan.id!r}: another try of run {ticket.run_id!r} committed meanwhile; this one did not",
                fix="nothing: the next try finds the run done",
            )
        failpoint("rejected")
        quarantine.replace(session, schema, plan, ticket.run_id, self.rejected.frames(), state="new")
        failpoint("ledger")
        before = checkpoint.get(session, schema, plan.id)
        if ticket.window.moves_checkpoint and ticket.window.reaches is not None:
            moved = (ticket.window.reaches, ticket.run_id, plan.increment.cursor if plan.increment else None)
            self._checkpoint = checkpoint.advance(session, schema, plan.id, *moved)
        self.counters.warned = sum(self.warned.values())
        loads.finish(session, schema, plan.id, ticket.run_id, ticket.token, self.counters, before)

    def _commit(self, session: Session) -> None:
        """COMMIT; where the connection is lost in it, the ledger tells whether it happened."""
        try:
            session.commit()
        except ConnectError:
            again = self.target.session()
            try:
                if not self._is_done(again):
                    raise
            finally:
                again.close()

    def _keep_evidence(self, session: Session) -> None:
        """Keep the first rejected rows of a stopped run, visible and not replayable.

        A cleared run that had committed keeps the rejected rows of that commit: they belong to rows that are there.
        """
        if self.ticket.again:
            return
        schema = self.plan.target.state_schema
        session.begin()
        lease.verify(session, schema, self.plan.id, self.ticket.token)
        quarantine.replace(session, schema, self.plan, self.ticket.run_id, self.rejected.frames(KEEP), state="aborted")
        session.commit()

    def report(self, status: str) -> RunReport:
        """Return what this run did; of a run that was rolled back nothing is loaded."""
        if status != "ok":
            undone = dict.fromkeys(("loaded", "inserted", "updated", "unchanged", "deleted", "superseded"), 0)
            self.counters = replace(self.counters, rejected=self.rejected.rows, **undone)
        return RunReport(
            interface=self.plan.id,
            run_id=self.ticket.run_id,
            status=status,
            window=self.ticket.window,
            counters=self.counters,
            rejected_by_rule=dict(self.rejected.by_rule),
            warned_by_rule=self.warned,
            checkpoint=self._checkpoint,
            started_at=datetime.fromisoformat(self.ticket.started_at),
            ended_at=datetime.now(timezone.utc),
            stage_s=self.meter.seconds(),
            peak_rss_bytes=self.meter.peak_rss_bytes(),
            config_hash=self.plan.config_hash,
        )
