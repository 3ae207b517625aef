"""What every test server needs: a free port, a patient wait, and a child that never outlives the tests."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import sys
import time
from collections.abc import Callable

import pytest

_PR_SET_PDEATHSIG = 1


def free_port() -> int:
    """Return a TCP port on the loopback that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(ready: Callable[[], object], timeout_s: float, what: str, every_s: float = 0.05) -> None:
    """Call `ready` until it returns something true.

    Raises:
        TimeoutError: it did not within `timeout_s`; `what` says what was waited for.
    """
    deadline = time.monotonic() + timeout_s
    while not ready():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {timeout_s:g} s")
        time.sleep(every_s)


def dies_with_parent(number: int = signal.SIGTERM) -> Callable[[], None]:
    """Return a `preexec_fn` after which the child gets signal `number` when its parent dies, even by SIGKILL."""

    def prepare() -> None:
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number)

    return prepare


def missing(server: str, install: str) -> None:
    """Skip the test for want of a server, with the command that installs it; in CI that is a failure."""
    text = f"{server} is not on this machine; fix: {install}"
    if os.environ.get("CI"):
        pytest.fail(text)
    pytest.skip(text)
