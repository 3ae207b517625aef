"""Batches and cuts as staging parts, and what a stage counted over all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from sync_provider.core.contracts import Batch, Counters
from sync_provider.core.engine.meter import Meter
from sync_provider.core.engine.request import Handover
from sync_provider.core.engine.spill import merge_rules
from sync_provider.core.engine.stages import Cut

if TYPE_CHECKING:
    import polars as pl

#: a part: its frames by name, and a note that JSON can hold
Part = tuple[dict[str, "pl.DataFrame | None"], dict[str, Any]]


def batch_to_part(batch: Batch) -> Part:
    """Return what staging keeps of a batch as it was read."""
    note = {"origin": batch.origin, "first_line": batch.first_line, "total": batch.total}
    return {"frame": batch.frame, "bad": batch.bad}, note


def batch_from_part(frames: Mapping[str, pl.DataFrame], note: Mapping[str, Any]) -> Batch:
    """Rebuild a batch."""
    return Batch(frames["frame"], bad=frames.get("bad"), **note)


def to_part(cut: Cut) -> Part:
    """Return what staging keeps of a cut. A masked plan's cut is past its mask here."""
    note = {
        "counters": asdict(cut.counters),
        "rejected_by_rule": dict(cut.rejected_by_rule),
        "warned_by_rule": dict(cut.warned_by_rule),
        "abort": cut.abort,
        "origin": cut.origin,
        "shift": cut.shift,
    }
    rejected = cut.rejected if cut.rejected.height else None
    return {"good": cut.frame, "rejected": rejected, "source": cut.source}, note


def from_part(frames: Mapping[str, pl.DataFrame], note: Mapping[str, Any]) -> Cut:
    """Rebuild a cut."""
    from sync_provider.core.engine.rejects import empty_rejected

    rules = {rule: (int(rows), str(first)) for rule, (rows, first) in note["rejected_by_rule"].items()}
    rejected = frames.get("rejected")
    return Cut(
        frame=frames["good"],
        rejected=empty_rejected() if rejected is None else rejected,
        source=frames.get("source"),
        **{**note, "counters": Counters(**note["counters"]), "rejected_by_rule": rules},
    )


@dataclass(slots=True)
class Counted:
    """What a stage counted over all parts; for the log and the hand-over. The load counts again for the ledger."""

    counters: Counters = field(default_factory=Counters)
    rejected_by_rule: dict[str, tuple[int, str]] = field(default_factory=dict)
    warned_by_rule: dict[str, int] = field(default_factory=dict)

    def add(self, cut: Cut) -> None:
        """Add one cut."""
        self.counters.add(cut.counters)
        merge_rules(self.rejected_by_rule, cut.rejected_by_rule)
        for rule, rows in cut.warned_by_rule.items():
            self.warned_by_rule[rule] = self.warned_by_rule.get(rule, 0) + rows

    def add_read(self, batch: Batch) -> None:
        """Add a batch that no stage has seen yet."""
        self.counters.read += batch.frame.height + (batch.bad.height if batch.bad is not None else 0)

    def handover(self, uri: str, stage: str, meter: Meter) -> Handover:
        """Return the hand-over of a stage that ended."""
        rules, warned = dict(self.rejected_by_rule), dict(self.warned_by_rule)
        return Handover(uri, stage, self.counters, rules, warned, meter.seconds())
