"""A daemon thread on which one connection's calls run, so that whoever waits for them still hears signals."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")


class Line:
    """Does one thing after another; does not keep the process alive."""

    def __init__(self) -> None:
        self._work: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        self._last: Future[Any] | None = None
        threading.Thread(target=self._main, name="sync-mysql", daemon=True).start()

    @property
    def idle(self) -> bool:
        """Whether all that was submitted is done."""
        return self._last is None or self._last.done()

    def submit(self, work: Callable[[], T]) -> Future[T]:
        """Do `work` after all that was submitted before."""
        future: Future[T] = Future()
        self._last = future
        self._work.put((future, work))
        return future

    def stop(self) -> None:
        """Let the thread end when it has done all."""
        self._work.put(None)

    def _main(self) -> None:
        while (item := self._work.get()) is not None:
            future, work = item
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(work())
            except BaseException as error:
                future.set_exception(error)
                if not isinstance(error, Exception):
                    raise
