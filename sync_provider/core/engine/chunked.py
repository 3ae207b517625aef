"""A load in chunks: each is committed to a lasting staging table, and a later try goes on behind the last."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, replace
from datetime import datetime, timezone

from sync_provider.core.contracts import Load, LoadSpec, Plan, Session, Target
from sync_provider.core.engine import budget
from sync_provider.core.engine.cancel import Cancel
from sync_provider.core.engine.failpoints import failpoint
from sync_provider.core.engine.feeding import Done, Feed
from sync_provider.core.engine.meter import Meter
from sync_provider.core.engine.places import Place
from sync_provider.core.engine.request import Ticket
from sync_provider.core.engine.spill import KEEP
from sync_provider.core.engine.stages import Cut
from sync_provider.core.engine.tally import Tally
from sync_provider.core.errors import PausedError, QualityGateError
from sync_provider.core.ledger import chunks, lease
from sync_provider.core.ledger import rejected as quarantine
from sync_provider.core.plan.hours import opens_at

#: longest name in bytes that every target of ours keeps
_NAME_BYTES = 63


def stage_name(interface_id: str) -> str:
    """Return the name of an interface's lasting staging table: its own, whatever others are called."""
    code = hashlib.sha256(interface_id.encode()).hexdigest()[:8]
    name = f"_sync_stage_{interface_id.rpartition('.')[2]}"
    return f"{name.encode()[: _NAME_BYTES - 9].decode(errors='ignore')}_{code}"


class Chunks:
    """The lasting staging table of one interface, and what the ledger says is in it.

    Args:
        spec: how the load writes; its stage is put in here.
    """

    def __init__(self, plan: Plan, ticket: Ticket, target: Target, spec: LoadSpec, meter: Meter) -> None:
        self.plan = plan
        self.ticket = ticket
        self.target = target
        self.meter = meter
        self.spec = replace(spec, stage=stage_name(plan.id), stage_schema=plan.target.state_schema)
        #: counts of the chunk that is not committed yet; then of the final move
        self.part = Tally()
        self._schema = plan.target.state_schema
        self._number = 0
        self._load: Load | None = None

    def resume(self, session: Session, feed: Feed, tally: Tally) -> Done | None:
        """Count what earlier tries of this very run left, where it can be gone on with; else None."""
        left = chunks.read(session, self._schema, self.plan.id, self.ticket.run_id)
        if not left:
            return None
        last = left[-1]
        done = Done(last.number, last.position, sum(chunk.counters.read for chunk in left))
        whole = [chunk.number for chunk in left] == list(range(len(left)))
        same = left[0].basis == self._basis(feed)
        if not (whole and same and last.number and feed.goes_on(done) and self._is_there(session, left)):
            return None
        for chunk in left:
            tally.join(_counted(chunk))
        self._number = last.number
        return done

    def begin(self, session: Session, feed: Feed) -> None:
        """Make an empty staging table; what another run or another version of this one left is gone."""
        first = chunks.Chunk(self.ticket.run_id, 0, basis=self._basis(feed))
        session.begin()
        lease.verify(session, self._schema, self.plan.id, self.ticket.token)
        self._forget(session)
        chunks.add(session, self._schema, self.plan.id, self.ticket.token, first)
        session.commit()
        self.target.prepare(session, self.spec, fresh=True)

    def fill(
        self, session: Session, feed: Feed, done: Done, tally: Tally, cancel: Cancel, stop_at: datetime | None
    ) -> None:
        """Write all rows that are not there yet, a transaction for each batch.

        Args:
            tally: of the whole run, budgets are checked against it.
            stop_at: when the window of the day ends.

        Raises:
            PausedError: it ended, between two chunks.
        """
        for cut in feed.cuts(done):
            with self.meter.stage("load"):
                self._write(session, cut, tally)
            failpoint("after_chunk")
            cancel.check()
            if stop_at is not None and datetime.now(timezone.utc) >= stop_at:
                raise self._paused(stop_at, tally)
        self.part = Tally()

    def load(self, session: Session) -> Load:
        """Return the load; its first use must be in a transaction."""
        if self._load is None:
            self._load = self.target.load(session, self.spec)
        return self._load

    def publish(self, session: Session) -> None:
        """Make the rejected rows of all chunks, and of the final move, those of the run; inside its transaction."""
        plan, run_id = self.plan, self.ticket.run_id
        quarantine.publish(session, self._schema, plan.id, run_id)
        quarantine.add(session, self._schema, plan, run_id, self.part.rejected.frames(), state="new")
        chunks.close(session, self._schema, plan.id)

    def keep_evidence(self, session: Session) -> None:
        """Keep the first rejected rows of a run that is given up, as `aborted`; inside a transaction."""
        plan, run_id = self.plan, self.ticket.run_id
        kept = quarantine.cut(session, self._schema, plan.id, run_id, KEEP)
        quarantine.publish(session, self._schema, plan.id, run_id, state="aborted")
        more = self.part.rejected.frames(KEEP - kept)
        quarantine.add(session, self._schema, plan, run_id, more, state="aborted")

    def sweep(self, session: Session) -> None:
        """Throw away what any run of this interface has left, unless that is the work of one that took over."""
        if not chunks.left(session, self._schema, self.plan.id):
            return
        if lease.is_last(session, self._schema, self.plan.id, self.ticket.token):
            self.discard(session)

    def discard(self, session: Session) -> None:
        """Drop the staging table, then forget its chunks; in this order, so that a table never lies about unknown."""
        self.target.discard(session, self.spec)
        session.begin()
        self._forget(session)
        session.commit()

    def _write(self, session: Session, cut: Cut, tally: Tally) -> None:
        """Write one chunk and commit it with its counts and its rejected rows."""
        part = self.part = Tally()
        session.begin()
        load = self.load(session)
        part.add(cut)
        if cut.abort:
            tally.join(part)
            raise aborted(self.plan, cut.abort)
        if not cut.frame.is_empty():
            part.refuse(load.write(cut.frame))
        tally.join(part)
        budget.check_rows(self.plan, tally.rejected, tally.counters.read)
        failpoint("copy")
        part.counters.rejected = part.rejected.rows
        # of a row the target refuses its key is staged all the same, where keys that are not there are deleted
        refused = 0 if self.spec.delete_missing else part.rejected.rows - cut.rejected.height
        staged = cut.frame.height - refused
        quarantine.stage(session, self._schema, self.plan, self.ticket.run_id, part.rejected.frames())
        lease.verify(session, self._schema, self.plan.id, self.ticket.token)
        chunk = chunks.Chunk(
            run_id=self.ticket.run_id,
            number=self._number + 1,
            position=cut.position,
            rows=staged,
            counters=part.counters,
            rejected_by_rule=part.rejected.by_rule,
            warned_by_rule=part.warned,
            places=tuple((place.first, place.last, place.origin, place.shift) for place in part.places),
        )
        chunks.add(session, self._schema, self.plan.id, self.ticket.token, chunk)
        failpoint("chunk")
        session.commit()
        part.rejected.close()
        self._number += 1

    def _is_there(self, session: Session, left: list[chunks.Chunk]) -> bool:
        """Whether table and quarantine hold what the chunks say: a server that crashed may have emptied the one."""
        rejected = quarantine.staged(session, self._schema, self.plan.id, self.ticket.run_id)
        if rejected != sum(chunk.counters.rejected for chunk in left):
            return False
        return self.target.prepare(session, self.spec, fresh=False) == sum(chunk.rows for chunk in left)

    def _forget(self, session: Session) -> None:
        chunks.clear(session, self._schema, self.plan.id)
        quarantine.forget(session, self._schema, self.plan.id)

    def _basis(self, feed: Feed) -> str:
        """Return what must be the same for chunks to be gone on with."""
        made_of = {
            "config": self.plan.config_hash,
            "window": asdict(self.ticket.window),
            "columns": {name: asdict(kind) for name, kind in self.spec.columns.items()},
            "source": {name: asdict(kind) for name, kind in self.ticket.source_columns.items()},
            "parts": feed.identity,
        }
        return hashlib.sha256(json.dumps(made_of).encode()).hexdigest()

    def _paused(self, stop_at: datetime, tally: Tally) -> PausedError:
        until = opens_at(self.plan.hours, stop_at) if self.plan.hours is not None else None
        when = f"; it goes on at {until:%Y-%m-%d %H:%M} UTC" if until is not None else ""
        return PausedError(
            f"interface {self.plan.id!r}: the window of the day ended after {tally.counters.read:,} rows, which are "
            f"safe in {self._number:,} chunks{when}",
            fix="nothing: the same run goes on at the next chunk",
            until=until,
        )


def aborted(plan: Plan, said: str) -> QualityGateError:
    """Return the error of a check with `on_fail: abort`."""
    return QualityGateError(
        f"interface {plan.id!r}: {said}",
        fix="correct the source, or set `on_fail: quarantine` on this check, then clear the run",
        code="abort",
    )


def _counted(chunk: chunks.Chunk) -> Tally:
    """Return the counts of a chunk as they were when it was committed."""
    tally = Tally()
    tally.counters = chunk.counters
    tally.rejected.count(chunk.counters.rejected, chunk.rejected_by_rule)
    tally.warned = dict(chunk.warned_by_rule)
    tally.places = [Place(*place) for place in chunk.places]
    return tally
