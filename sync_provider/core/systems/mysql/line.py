"""A thread on which one connection's calls run, so that whoever waits for them still hears signals."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")


class Line:
    """Does one thing after another."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, "sync-mysql")
        self._last: Future[Any] | None = None

    @property
    def idle(self) -> bool:
        """Whether all that was submitted is done."""
        return self._last is None or self._last.done()

    def submit(self, work: Callable[[], T]) -> Future[T]:
        """Do `work` after all that was submitted before."""
        future = self._pool.submit(work)
        self._last = future
        return future

    def stop(self) -> None:
        """Let the thread end when it has done all."""
        self._pool.shutdown(wait=False)
