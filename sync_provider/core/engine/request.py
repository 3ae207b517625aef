"""What a caller asks for (RunRequest) and what one task hands to the next (Ticket, Handover)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from sync_provider.core.contracts import ColumnType, Counters, Window


@dataclass(frozen=True, slots=True)
class RunRequest:
    """One run of one interface.

    Args:
        run_id: Airflow's run id, or `cli__<time>`; a run cleared and run again keeps it.
        kind: None (by the plan's mode) | full | backfill | manual.
        since: for backfill and manual: ISO time, inclusive.
        until: for backfill and manual: ISO time, exclusive.
        try_number: counts from 1; names staging files.
    """

    run_id: str
    kind: str | None = None
    since: str | None = None
    until: str | None = None
    try_number: int = 1


@dataclass(frozen=True, slots=True)
class Ticket:
    """What `check` settled for all later stages of a run: the window and the right to write.

    Args:
        token: the lease's token; a commit under an older one fails.
        again: whether rows of this run's window may be in the target already, from a try of it or from a later
            run, so that they are replaced.
        started_at: ISO time, UTC.
        source_columns: what the source has, so that later stages need not ask it again.
        target_columns: what the target table has, without our metadata columns.
    """

    interface: str
    run_id: str
    token: int
    window: Window
    again: bool
    started_at: str
    source_columns: Mapping[str, ColumnType]
    target_columns: Mapping[str, ColumnType]

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values, for XCom."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Ticket:
        """Rebuild a ticket from `to_json` output."""
        values = {**data, "window": Window(**data["window"])}
        for name in ("source_columns", "target_columns"):
            values[name] = {column: ColumnType(**kind) for column, kind in data[name].items()}
        return cls(**values)


@dataclass(frozen=True, slots=True)
class Handover:
    """Where a stage left its rows, and what it counted so far.

    Args:
        uri: folder with the parts and their manifest; "" when there is nothing to hand over.
        stage: extract | transform | quality: how far these rows have come.
        stage_s: CPU seconds per stage so far.
    """

    uri: str
    stage: str
    counters: Counters = field(default_factory=Counters)
    rejected_by_rule: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    warned_by_rule: Mapping[str, int] = field(default_factory=dict)
    stage_s: Mapping[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values, for XCom: a tuple would be stored with its class."""
        return {**asdict(self), "rejected_by_rule": {rule: list(told) for rule, told in self.rejected_by_rule.items()}}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Handover:
        """Rebuild a handover from `to_json` output."""
        rules = {rule: (int(n), str(first)) for rule, (n, first) in data["rejected_by_rule"].items()}
        return cls(**{**data, "counters": Counters(**data["counters"]), "rejected_by_rule": rules})
