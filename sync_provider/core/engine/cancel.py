"""Cancelling a run from another thread or a signal handler."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from sync_provider.core.errors import CancelledError


class Cancellable(Protocol):
    """Anything that can be told to stop: a source, a session."""

    def cancel(self) -> None:
        """Stop what is running, on the server too. Any thread; never raises."""


class Cancel:
    """One run's stop button. `request` works from any thread and from a signal handler."""

    def __init__(self) -> None:
        self._open: list[Cancellable] = []
        self._event = threading.Event()

    @property
    def requested(self) -> bool:
        """Whether somebody asked."""
        return self._event.is_set()

    def request(self) -> None:
        """Stop everything this run has open, on the servers too."""
        self._event.set()
        for thing in list(self._open):
            thing.cancel()

    def check(self) -> None:
        """Raise CancelledError when somebody asked; called between batches."""
        if self._event.is_set():
            raise CancelledError("the run was cancelled; nothing of it was committed")

    @contextmanager
    def watch(self, thing: Cancellable) -> Iterator[None]:
        """Cancel `thing` too while the block runs."""
        self._open.append(thing)
        try:
            self.check()
            yield
        finally:
            self._open.remove(thing)
