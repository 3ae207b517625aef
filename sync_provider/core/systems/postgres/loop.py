"""The one event loop thread of this process in which every asyncpg connection lives."""

from __future__ import annotations

import asyncio
import atexit
import os
import select
import selectors
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")

_JOIN_S = 2.0


class _Loop(asyncio.SelectorEventLoop):
    """A loop that counts as closed in a forked child; asyncpg asks before it says goodbye on the parent's socket."""

    def __init__(self, selector: selectors.BaseSelector) -> None:
        self._pid = os.getpid()
        super().__init__(selector)

    def is_closed(self) -> bool:
        return super().is_closed() or self._pid != os.getpid()


class LoopThread:
    """An event loop on a daemon thread, stopped and closed at exit."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self._selector = selectors.DefaultSelector()
        self.loop = _Loop(self._selector)
        self._thread = threading.Thread(target=self._main, name="sync-postgres", daemon=True)
        self._thread.start()

    def _main(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_forever()
        finally:
            tasks = asyncio.all_tasks(self.loop)
            for task in tasks:
                task.cancel()
            self.loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
            self.loop.close()

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Start `work` on the loop; cancelling the future cancels it there."""
        return asyncio.run_coroutine_threadsafe(work, self.loop)

    def stop(self) -> None:
        """Cancel what runs, close the loop and wait shortly for the thread."""
        if self.pid == os.getpid() and not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self.loop.stop)
            self._thread.join(_JOIN_S)

    def forget(self) -> None:
        """In a forked child: part from the parent's epoll, which a fork shares; nothing done here reaches it then."""
        if isinstance(self._selector, getattr(selectors, "EpollSelector", ())):
            with select.epoll() as own:
                os.dup2(own.fileno(), self._selector.fileno(), inheritable=False)


_current: LoopThread | None = None
_lock = threading.Lock()


def loop_thread() -> LoopThread:
    """Return this process's loop; a forked child gets one of its own."""
    global _current
    with _lock:
        if _current is None or _current.pid != os.getpid():
            _current = LoopThread()
            atexit.register(_current.stop)
        return _current


def _after_fork() -> None:
    """Start free: another thread may have held the lock, and the loop's thread did not come along."""
    global _lock
    _lock = threading.Lock()
    if _current is not None:
        _current.forget()


os.register_at_fork(after_in_child=_after_fork)
