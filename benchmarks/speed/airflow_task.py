"""The memory of a run as a task of a real Airflow, beside that of `sync-provider run`."""

from __future__ import annotations

import threading
from dataclasses import replace

from benchmarks.speed.arena import Arena
from benchmarks.speed.figures import Figure, peak_mb
from benchmarks.speed.measure import children, memory
from benchmarks.speed.playing import Played, check
from tests.airflow.cluster import Cluster

_LOOK_S = 0.1
_MOST_S = 900
_MORE_MB = 150


def figure(arena: Arena, alone: Played) -> Figure:
    """Run a job fused in one task; return how much more memory its process takes.

    Raises:
        RuntimeError: the run failed.
    """
    arena.forget()
    known = (replace(arena.pg.info("shop"), id="shop"), replace(arena.pg.info("dwh"), id="dwh"))
    cluster = Cluster.start(arena.pg.server.create_database(), known)
    try:
        cluster.write("config/sources/bench/orders.yaml", f"execution: fused\n{alone.job.yaml}")
        cluster.reparse()
        with _Tasks(cluster.processes["scheduler"].pid) as tasks:
            run_id = cluster.trigger("bench.orders")
            state = cluster.wait("bench.orders", run_id, _MOST_S)
        if state != "success":
            raise RuntimeError(f"the run in Airflow is {state}")
    finally:
        cluster.stop()
    check(arena, "in Airflow", alone.job.name, alone.job.content)
    more = tasks.peak / 2**20 - peak_mb(alone)
    told = f"{tasks.peak / 2**20:.0f} MB as a task, {peak_mb(alone):.0f} MB alone"
    return Figure("airflow_task_rss", more, _MORE_MB, "mb", most=True, told=told)


class _Tasks:
    """Looks for the largest process below another one, those that are there at the beginning left out."""

    def __init__(self, pid: int) -> None:
        self.peak = 0
        self._pid = pid
        self._before = set(_below(pid))
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> _Tasks:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(_LOOK_S):
            sizes = [memory(pid)[1] for pid in _below(self._pid) if pid not in self._before]
            self.peak = max([self.peak, *sizes])


def _below(pid: int) -> list[int]:
    found = children(pid)
    return found + [deeper for child in found for deeper in _below(child)]
