"""Play the jobs, print a line per figure and keep every run; 1 where a figure is short.

`python -m benchmarks.speed [--quick] [--rows N] [--pairs N] [--only JOB] [--no-peers]`.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.speed import airflow_task, figures, peers
from benchmarks.speed.arena import Arena, arena
from benchmarks.speed.figures import Figure, Starting
from benchmarks.speed.jobs import EMPTY, FOURFOLD, FUSED_CUT, JOBS, STAGED_CUT
from benchmarks.speed.playing import Played, Wrong, play

RESULTS = Path(__file__).resolve().parents[2] / ".bench"


def main() -> int:
    """Play the jobs and print each figure as it is known."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=__doc__)
    options.add_argument("--quick", action="store_true", help="200,000 rows, 3 pairs, no peers, start-up taken off")
    options.add_argument("--rows", type=int)
    options.add_argument("--pairs", type=int)
    options.add_argument("--only", action="append", default=[], metavar="JOB")
    options.add_argument("--no-peers", action="store_true")
    asked = options.parse_args()
    rows = asked.rows or (200_000 if asked.quick else 2_000_000)
    pairs = asked.pairs or (3 if asked.quick else 5)
    begun = time.monotonic()
    with arena(rows) as here:
        print(f"{rows:,} orders, {here.csv.stat().st_size / 1e6:,.0f} MB as CSV, {pairs} pairs each", flush=True)
        found = Bench(here, pairs, quick=asked.quick, only=asked.only)
        found.play()
        if not (asked.quick or asked.no_peers or asked.only):
            found.tell(peers.figures(here, RESULTS / "peers", pairs))
    about = {"rows": rows, "pairs": pairs, "quick": asked.quick, "seconds": round(time.monotonic() - begun)}
    figures.keep(RESULTS, found.figures, found.played, about)
    short = [figure.name for figure in found.figures if not figure.ok]
    print(f"{len(found.figures) - len(short)} of {len(found.figures)} ok in {about['seconds']} s; "
          f"each run is in {(RESULTS / 'results.json').relative_to(RESULTS.parent)}")  # fmt: skip
    return 1 if short or found.broken else 0


class Bench:
    """One pass over the jobs.

    Args:
        quick: start-up is taken off both sides of a ratio: few rows cannot carry it.
    """

    def __init__(self, here: Arena, pairs: int, *, quick: bool, only: Sequence[str]) -> None:
        self._here = here
        self._pairs = pairs
        self._quick = quick
        self._only = only
        self.figures: list[Figure] = []
        self.played: list[Played] = []
        self.broken: list[str] = []

    def play(self) -> None:
        """Play what is asked for."""
        play(self._here, EMPTY, 1)  # makes the store, and warms the caches
        empty = play(self._here, EMPTY, self._pairs)
        start = figures.starting(empty)
        self.tell([figures.of_start(start)])
        known = {EMPTY.name: empty}
        for job in JOBS:
            if job.name not in self._only if self._only else self._quick and job.slow:
                continue
            try:
                known[job.name] = play(self._here, job, self._pairs)
            except (Wrong, RuntimeError) as error:  # the other jobs are still worth their figures
                print(f"{job.name} broken: {error}", flush=True)
                self.broken.append(job.name)
                continue
            self.tell(figures.of_job(known[job.name], start if self._quick else Starting()))
        if "pg_pg_direct" in known:
            known["fourfold"] = play(self._here, FOURFOLD, 1)
            self.tell([figures.of_growth(known["pg_pg_direct"], known["fourfold"])])
        if "csv_pg" in known:
            self.tell([figures.of_checks(known["csv_pg"])])
        if not self._only or "staged_cut" in self._only:
            rounds = 1 if self._quick else 3
            known |= {job.name: play(self._here, job, rounds) for job in (FUSED_CUT, STAGED_CUT)}
            self.tell(figures.of_cut(known["fused_cut"], known["staged_cut"], start))
        if "pg_pg_direct" in known and not self._quick:
            self.tell([airflow_task.figure(self._here, known["pg_pg_direct"])])
        self.played = list(known.values())

    def tell(self, found: Sequence[Figure]) -> None:
        """Print figures and keep them."""
        for figure in found:
            print(figure.line(), flush=True)
        self.figures += found


if __name__ == "__main__":
    sys.exit(main())
