"""One cell of the matrix: a run meets its fault, then the same run is done again; what the target held each time."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.kill.arena import YAML, Arena
from sync_provider.core.errors import SyncError
from tests.integration.pipeline.project import Project

_HERE = Path(__file__).parents[2]
_PATIENCE_S = 90


@dataclass(frozen=True, slots=True)
class Cell:
    """Which target, how it is loaded, what goes wrong, with which dice."""

    target: str
    load: str
    lines: str
    cut: str
    batch: int
    fault: str
    seed: int

    @property
    def name(self) -> str:
        """Return what names it in the results."""
        return f"{self.target}/{self.load}/{self.fault}/{self.seed}"


class Broken(Exception):
    """The target did not hold what it must."""


def play(cell: Cell, arena: Arena) -> str:
    """Play one cell; return `ok`, or `not passed` where the run never came by its fail point.

    Raises:
        Broken: rows were lost, doubled or half there.
    """
    dice = random.Random(cell.name)
    yaml = YAML.format(batch=cell.batch, cut=cell.cut, lines=cell.lines)
    with arena.project(cell.target, yaml) as (project, beside):
        old = 0
        if "replace" in cell.load:  # what is to be replaced
            _first(beside)
            old = arena.rows
        met = _FAULTS[cell.fault](cell, arena, project, beside, dice) if cell.fault in _FAULTS else _edge(cell, project)
        if not met:
            return "not passed"
        _old_or_new(beside, arena.rows, old, appends=cell.load == "append")
        _again(cell, beside)
        _exact(beside, arena.rows, appends=cell.load == "append")
        return "ok"


def _first(beside: Project) -> None:
    beside.run("crm.orders", "r0")


def _start(cell: Cell, project: Project, **env: str) -> subprocess.Popen[bytes]:
    env = {"SYNC_LEASE_TTL_S": "2", **env}
    config = str(project.root / "config")
    fused = ["sync_provider.cli.main", "run", "erp.crm.orders", "--run-id", "r1", "--config", config]
    line = fused if cell.cut == "fused" else ["tests.integration.pipeline.drive", config, "erp.crm.orders", "r1"]
    return subprocess.Popen(
        [sys.executable, "-m", *line], env=project.env(**env), cwd=_HERE, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip


def _edge(cell: Cell, project: Project) -> bool:
    """Killed at a fail point; False where the run ended by itself: it never came there."""
    return _start(cell, project, SYNC_FAILPOINT=f"{cell.fault}:kill").wait(_PATIENCE_S) == -signal.SIGKILL


def _signal(number: signal.Signals) -> Callable[[Cell, Arena, Project, Project, random.Random], bool]:
    def fault(cell: Cell, _arena: Arena, project: Project, _beside: Project, dice: random.Random) -> bool:
        process = _start(cell, project)
        time.sleep(0.5 + dice.random() * 2.5)
        process.send_signal(number)
        process.wait(_PATIENCE_S)
        return True

    return fault


def _stop(cell: Cell, _arena: Arena, project: Project, beside: Project, dice: random.Random) -> bool:
    process = _start(cell, project)
    try:
        time.sleep(0.8 + dice.random() * 2)
        process.send_signal(signal.SIGSTOP)
        time.sleep(2.5)  # its lease runs out
        _again(cell, beside, "r2")
    finally:
        process.send_signal(signal.SIGCONT)
    process.wait(_PATIENCE_S)
    return True


def _cut(side: str) -> Callable[[Cell, Arena, Project, Project, random.Random], bool]:
    def fault(cell: Cell, arena: Arena, project: Project, _beside: Project, dice: random.Random) -> bool:
        network = arena.networks["source" if side == "source" else cell.target]
        network.cut_after(dice.randrange(5_000, 4_000_000))
        _start(cell, project).wait(_PATIENCE_S)
        network.flow()
        return True

    return fault


def _half_open(cell: Cell, arena: Arena, project: Project, beside: Project, dice: random.Random) -> bool:
    process = _start(cell, project)
    try:
        time.sleep(0.8 + dice.random() * 2)
        arena.networks[cell.target].stall()
        time.sleep(2.5)
        _again(cell, beside, "r2")
    finally:
        process.kill()
        process.wait()
        arena.networks[cell.target].flow()
    return True


def _restart(side: str) -> Callable[[Cell, Arena, Project, Project, random.Random], bool]:
    def fault(cell: Cell, arena: Arena, project: Project, _beside: Project, dice: random.Random) -> bool:
        server = arena.source if side == "source" else arena.targets[cell.target]
        assert server is not None
        process = _start(cell, project)
        time.sleep(0.8 + dice.random() * 2)
        server.crash()
        try:
            process.wait(_PATIENCE_S)
        finally:
            server.restart()
        return True

    return fault


_FAULTS: dict[str, Callable[[Cell, Arena, Project, Project, random.Random], bool]] = {
    "kill": _signal(signal.SIGKILL),
    "term": _signal(signal.SIGTERM),
    "stop": _stop,
    "cut_target": _cut("target"),
    "cut_source": _cut("source"),
    "half_open": _half_open,
    "restart_target": _restart("target"),
    "restart_source": _restart("source"),
}


def _again(cell: Cell, beside: Project, run_id: str = "r1") -> None:
    """Do the run once more until it is through, as Airflow's retries would."""
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            report = (beside.run if cell.cut == "fused" else beside.run_staged)("crm.orders", run_id)
        except SyncError as error:
            if not error.retryable or time.monotonic() > deadline:
                raise Broken(f"the run cannot be done again: {error}") from error
            time.sleep(0.3)
            continue
        if report.counters.leak():
            raise Broken(f"the law does not hold: {report.counters}")
        return


def _old_or_new(beside: Project, rows: int, old: int, *, appends: bool) -> None:
    try:
        there = beside.rows("select count(*) from orders")[0][0]
    except Exception as error:  # each driver has its own word for a table that is not there
        if "orders" not in str(error):
            raise
        there = 0
    new = rows * _done(beside) if appends and there else rows
    if there not in (old, new):
        raise Broken(f"half there: {there} rows, neither {old} nor {new}")


def _exact(beside: Project, rows: int, *, appends: bool) -> None:
    """Every row is there once; each run that is done appends all of them."""
    times = _done(beside) if appends else 1
    found = beside.rows("select count(*), count(distinct id), sum(amount) from orders")[0]
    want = (rows * times, rows, times * rows * (rows + 1) / 8)
    if (found[0], found[1], float(found[2])) != want:
        raise Broken(f"lost or doubled: {found} instead of {want}")
    left = beside.rows("select count(*) from _sync_rejected where state not in ('new', 'aborted')")
    if int(left[0][0]):
        raise Broken(f"{left[0][0]} rejected rows of an unfinished run are left")


def _done(beside: Project) -> int:
    return int(beside.rows("select count(*) from _sync_load where status = 'done'")[0][0])
