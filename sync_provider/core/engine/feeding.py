"""Where a load gets its rows from: a source that is read now, or the parts that earlier tasks staged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import Protocol

from sync_provider.core.contracts import Batch, Source, Window
from sync_provider.core.engine import cuts, staging
from sync_provider.core.engine.meter import Meter
from sync_provider.core.engine.stages import Cut, Stages

#: (rows read so far, rows expected or None)
Progress = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True)
class Done:
    """What of a run is safe already.

    Args:
        chunks: how many.
        position: `Batch.position` behind the last of them.
        read: rows read for them.
    """

    chunks: int = 0
    position: str = ""
    read: int = 0


class Feed(Protocol):
    """The rows of one run, batch by batch."""

    #: names the very rows that come; '' where they are read from the source
    identity: str

    def expected(self) -> int | None:
        """Return how many rows come, as far as that is known; asked before `cuts`."""

    def goes_on(self, done: Done) -> bool:
        """Whether `cuts` can begin behind what is done."""

    def cuts(self, done: Done) -> Iterator[Cut]:
        """Yield the batches behind what is done, in the order of any other try."""


class PartsFeed:
    """Parts in staging that have passed every stage."""

    def __init__(self, uri: str, rows: int) -> None:
        self.identity = staging.identity(uri)
        self._uri = uri
        self._rows = rows

    def expected(self) -> int | None:
        """Return the rows that were read."""
        return self._rows

    def goes_on(self, done: Done) -> bool:
        """The parts are numbered: always."""
        return True

    def cuts(self, done: Done) -> Iterator[Cut]:
        """Yield the parts that are not loaded yet."""
        for frames, note in staging.read_parts(self._uri, done.chunks):
            yield cuts.from_part(frames, note)


class SourceFeed:
    """A source that is read while its rows are written.

    Args:
        progress: told after each batch.
    """

    identity = ""

    def __init__(
        self, source: Source, window: Window, stages: Stages, meter: Meter, progress: Progress | None = None
    ) -> None:
        self._source = source
        self._window = window
        self._stages = stages
        self._meter = meter
        self._progress = progress
        self._begun: Iterator[Batch] | None = None

    def expected(self) -> int | None:
        """Return what the first batch says; it is read for that, and comes first in `cuts`."""
        batches = metered(self._source.read(self._window), self._meter)
        first = next(batches, None)
        self._begun = chain([first] if first is not None else [], batches)
        return first.total if first is not None else 0

    def goes_on(self, done: Done) -> bool:
        """Whether the source can begin behind a batch."""
        return bool(done.position)

    def cuts(self, done: Done) -> Iterator[Cut]:
        """Read on, through all stages."""
        rows, batches = done.read, self._begun
        if batches is None or done.chunks:
            batches = metered(self._source.read(self._window, done.position), self._meter)
        for batch in batches:
            with self._meter.stage("transform"):
                cut = self._stages.transform(batch)
            with self._meter.stage("quality"):
                cut = self._stages.quality(cut)
            rows += batch.frame.height
            if self._progress is not None:
                self._progress(rows, batch.total)
            yield replace(cut, position=batch.position)


def metered(batches: Iterator[Batch], meter: Meter) -> Iterator[Batch]:
    """Yield the source's batches, their reading counted as `extract`."""
    while True:
        with meter.stage("extract"):
            batch = next(batches, None)
        if batch is None:
            return
        yield batch
