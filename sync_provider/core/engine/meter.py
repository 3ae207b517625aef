"""CPU seconds per stage and peak memory of this process."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager


class Meter:
    """CPU seconds per stage. Stages do not nest.

    Args:
        before: seconds that earlier tasks of the same run took.
    """

    def __init__(self, before: Mapping[str, float] | None = None) -> None:
        self._seconds = dict(before or {})

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the process's CPU time of the block under `name`."""
        start = time.process_time()
        try:
            yield
        finally:
            self._seconds[name] = self._seconds.get(name, 0.0) + time.process_time() - start

    def seconds(self) -> dict[str, float]:
        """Return CPU seconds by stage, to the millisecond."""
        return {name: round(value, 3) for name, value in self._seconds.items()}

    @staticmethod
    def peak_rss_bytes() -> int:
        """Return this process's largest resident size so far."""
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
