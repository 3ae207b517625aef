"""What a job costs: wall seconds, CPU seconds of its client processes and of the servers, peak memory."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

_TICKS = os.sysconf("SC_CLK_TCK")
_LOOK_S = 0.05
#: a server that still works for the last run would be counted for the next
_IDLE_S, _IDLE_CPU, _IDLE_MOST_S = 0.2, 0.02, 30.0


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run took.

    Args:
        wall_s: from the first process's start to the last one's end.
        client_s, server_s: CPU, user and system.
        rss: peak bytes of all client processes together.
        out: what the last process printed.
    """

    wall_s: float
    client_s: float
    server_s: float
    rss: int
    out: str = ""

    @property
    def cpu_s(self) -> float:
        """CPU seconds of clients and servers."""
        return self.client_s + self.server_s


class Measured(Protocol):
    """A server whose CPU is counted."""

    def cpu_s(self) -> float:
        """Return what its processes have used so far, those that ended included."""

    def quiet(self) -> bool:
        """Whether no client is connected any more."""


#: commands joined by pipes
Pipe = Sequence[Sequence[str]]


def run(pipes: Sequence[Pipe], env: Mapping[str, str], servers: Sequence[Measured], cwd: Path | None = None) -> Cost:
    """Run pipes one after the other and return what they took together.

    Raises:
        RuntimeError: a process failed; with the end of what it said.
    """
    before = sum(server.cpu_s() for server in servers)
    start = time.monotonic()
    client, peak, out = 0.0, 0, ""
    for pipe in pipes:
        seconds, rss, out = _run_pipe(pipe, env, cwd)
        client, peak = client + seconds, max(peak, rss)
    wall = time.monotonic() - start
    _until(lambda: all(server.quiet() for server in servers))
    return Cost(wall, client, sum(server.cpu_s() for server in servers) - before, peak, out)


def rest(servers: Sequence[Measured]) -> None:
    """Wait until the servers do nothing."""
    deadline = time.monotonic() + _IDLE_MOST_S
    while time.monotonic() < deadline:
        before = sum(server.cpu_s() for server in servers)
        time.sleep(_IDLE_S)
        if sum(server.cpu_s() for server in servers) - before <= _IDLE_CPU * _IDLE_S * 10:
            return


def tree_cpu_s(pid: int) -> float:
    """Return the CPU of a process, of its children, and of those of them that have ended."""
    own = _stat(pid)
    return (sum(own) + sum(sum(_stat(child)[:2]) for child in children(pid))) / _TICKS


def children(pid: int) -> list[int]:
    """Return the process's children of now."""
    try:
        threads = list(Path(f"/proc/{pid}/task").iterdir())
        return [int(number) for one in threads for number in (one / "children").read_text().split()]
    except OSError:
        return []


def _run_pipe(pipe: Pipe, env: Mapping[str, str], cwd: Path | None) -> tuple[float, int, str]:
    started: list[subprocess.Popen[bytes]] = []
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        for number, command in enumerate(pipe):
            last = number == len(pipe) - 1
            stdin = started[-1].stdout if started else subprocess.DEVNULL
            stdout = out if last else subprocess.PIPE
            process = subprocess.Popen(command, stdin=stdin, stdout=stdout, stderr=err, env=dict(env), cwd=cwd)
            if started and started[-1].stdout is not None:
                started[-1].stdout.close()  # so that the one before notices when this one is gone
            started.append(process)
        with _Watch([process.pid for process in started]) as watch:
            seconds = 0.0
            for process in started:
                _, status, used = os.wait4(process.pid, 0)
                process.returncode = os.waitstatus_to_exitcode(status)
                seconds += used.ru_utime + used.ru_stime
        out.seek(0)
        err.seek(0)
        printed, said = out.read().decode(errors="replace"), err.read().decode(errors="replace")
    if any(process.returncode for process in started):
        raise RuntimeError(f"{' | '.join(' '.join(c) for c in pipe)[:600]} failed:\n{printed[-1500:]}\n{said[-1500:]}")
    return seconds, watch.peak, printed


class _Watch:
    """Looks at the memory of processes and all below them until it is left."""

    def __init__(self, pids: Sequence[int]) -> None:
        self.peak = 0
        self._pids = pids
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> _Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        high: dict[int, int] = {}
        while not self._over.wait(_LOOK_S):
            now, todo = 0, list(self._pids)
            while todo:
                pid = todo.pop()
                todo += children(pid)
                resident, highest = memory(pid)
                high[pid] = max(high.get(pid, 0), highest)
                now += resident
            # one process's peak is exact; of several the sum at one moment is
            self.peak = max(self.peak, now, *high.values(), 0)


def memory(pid: int) -> tuple[int, int]:
    """Return resident bytes of a process, now and at most."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0, 0
    found = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines if line.startswith(("VmRSS", "VmHWM"))}
    return found.get("VmRSS", 0), found.get("VmHWM", 0)


def _stat(pid: int) -> tuple[int, int, int, int]:
    """Return user and system ticks of a process, and of its children that were waited for."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0, 0, 0, 0
    user, system, child_user, child_system = (int(ticks) for ticks in fields[11:15])
    return user, system, child_user, child_system


def _until(done: object, most_s: float = 5.0) -> None:
    assert callable(done)
    deadline = time.monotonic() + most_s
    while not done() and time.monotonic() < deadline:
        time.sleep(0.01)
