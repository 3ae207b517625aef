"""What a load has counted: rows, rejected rows and by which rule, and where they came from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sync_provider.core.contracts import Counters, Load
from sync_provider.core.engine.places import Place, with_positions
from sync_provider.core.engine.spill import RejectedRows

if TYPE_CHECKING:
    import polars as pl

    from sync_provider.core.engine.stages import Cut


class Tally:
    """The counts of a run, or of one chunk of it."""

    def __init__(self) -> None:
        self.counters = Counters()
        self.rejected = RejectedRows()
        self.warned: dict[str, int] = {}
        self.places: list[Place] = []

    def add(self, cut: Cut) -> None:
        """Count what the stages settled about a batch."""
        self.counters.add(cut.counters)
        self.rejected.add(cut.rejected, cut.rejected_by_rule)
        self._warn(cut.warned_by_rule)
        if not cut.frame.is_empty():
            self.places.append(Place.of(cut))

    def refuse(self, bad: pl.DataFrame | None) -> None:
        """Count rows that the server refused out of the batch added last."""
        self.rejected.add(with_positions(bad, self.places[-1:]))

    def finish(self, load: Load, counted: Counters, bad: pl.DataFrame | None) -> None:
        """Count what the load did with all rows together."""
        self.counters.add(counted)
        self.rejected.add(with_positions(bad, self.places))
        self._warn(load.warned)

    def join(self, part: Tally) -> None:
        """Add the counts of a chunk, whose rejected rows are kept elsewhere."""
        self.counters.add(part.counters)
        self.rejected.count(part.rejected.rows, part.rejected.by_rule)
        self._warn(part.warned)
        self.places += part.places

    def _warn(self, by_rule: Mapping[str, int]) -> None:
        for rule, rows in by_rule.items():
            self.warned[rule] = self.warned.get(rule, 0) + rows
