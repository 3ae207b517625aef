"""Figures against their bars: the lines that are printed, and the files that are kept."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.speed.measure import Cost
from benchmarks.speed.playing import OURS, Played


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure.

    Args:
        unit: ratio, x, mb, s.
        most: whether the bar is the most it may be, else the least.
        told: what else is printed.
    """

    name: str
    value: float
    bar: float
    unit: str = "ratio"
    most: bool = False
    told: str = ""

    @property
    def ok(self) -> bool:
        """Whether it keeps its bar."""
        return self.value <= self.bar if self.most else self.value >= self.bar

    def line(self) -> str:
        """Return what is printed."""
        sign = "<=" if self.most else ">="
        said = (
            f"{self.name} {self.unit}={_short(self.value)} bar={sign}{_short(self.bar)} {'ok' if self.ok else 'short'}"
        )
        return f"{said}  {self.told}" if self.told else said


@dataclass(frozen=True, slots=True)
class Starting:
    """What a run of no rows costs; taken off where few rows are measured."""

    ours: Cost = field(default_factory=lambda: Cost(0, 0, 0, 0))
    limit: Cost = field(default_factory=lambda: Cost(0, 0, 0, 0))


def of_job(played: Played, off: Starting) -> list[Figure]:
    """Return the ratios of a job and its memory."""
    job = played.job
    ratios = [
        Figure(name, _ratio(played, bar.limit, f"{bar.of}_s", off), bar.least, told=_told(played, bar.limit))
        for name, bar in job.bars.items()
    ]
    return [*ratios, rss(played)]


def rss(played: Played) -> Figure:
    """Return the most memory our runs took."""
    return Figure(f"{played.job.name}_rss", peak_mb(played), played.job.rss_mb, "mb", most=True)


def starting(empty: Played) -> Starting:
    """Return the medians of runs without rows."""
    costs = (
        Cost(*(empty.middle(name, what) for what in ("wall_s", "client_s", "server_s")), 0) for name in (OURS, "pipe")
    )
    return Starting(*costs)


def of_start(off: Starting) -> Figure:
    """Return how long a run takes that finds no row."""
    return Figure("start_up", off.ours.wall_s, 1.5, "s", most=True, told=f"cpu {off.ours.cpu_s:.2f} s")


def of_growth(one: Played, four: Played) -> Figure:
    """Return how much more memory four times the rows take."""
    told = f"{peak_mb(one):.0f} MB for {one.rows:,} rows, {peak_mb(four):.0f} MB for {four.rows:,}"
    return Figure("rss_of_four_times_the_rows", peak_mb(four) / peak_mb(one), 1.2, most=True, told=told)


def of_checks(checked: Played) -> Figure:
    """Return the CPU of six row checks on two million rows, by the report's stage."""
    seconds = checked.stage_s("quality")
    told = f"{seconds:.3f} s for {checked.rows:,} rows"
    return Figure("six_checks_of_2m_rows", seconds * 2_000_000 / checked.rows, 1.5, "s", most=True, told=told)


def of_cut(fused: Played, staged: Played, off: Starting) -> list[Figure]:
    """Return what the staged cut costs more: by the reports' stages, and by all its process does but start."""
    stages = staged.stage_s(), fused.stage_s()
    whole = [one.middle(OURS, "client_s") - off.ours.client_s for one in (staged, fused)]
    return [
        Figure(name, more / max(less, 0.001), 2.0, most=True, told=f"{more:.2f} of {less:.2f} s")
        for name, (more, less) in {"staged_cut": stages, "staged_cut_process": whole}.items()
    ]


def keep(folder: Path, figures: Sequence[Figure], played: Sequence[Played], about: dict[str, Any]) -> None:
    """Write results.json, with every single run, and results.md."""
    folder.mkdir(parents=True, exist_ok=True)
    jobs = {
        one.job.name: {
            "rows": one.rows,
            "runs": {name: [_cost(cost) for cost in costs] for name, costs in one.costs.items()},
            "stage_s": [report["stage_s"] for report in one.reports],
        }
        for one in played
    }
    known = {**about, "machine": platform.platform(), "python": platform.python_version()}
    told = [{**asdict(figure), "ok": figure.ok} for figure in figures]
    text = json.dumps({"about": known, "figures": told, "jobs": jobs}, indent=1)
    (folder / "results.json").write_text(text + "\n", encoding="utf-8")
    (folder / "results.md").write_text(table(figures), encoding="utf-8")


def table(figures: Sequence[Figure]) -> str:
    """Return the figures as Markdown."""
    head = ["| figure | | bar | | |", "|---|---|---|---|---|"]
    rows = [
        f"| {f.name} | {_short(f.value)} {f.unit} | {'≤' if f.most else '≥'} {_short(f.bar)} "
        f"| {'ok' if f.ok else 'short'} | {f.told} |"
        for f in figures
    ]
    return "\n".join([*head, *rows]) + "\n"


def _ratio(played: Played, limit: str, what: str, off: Starting) -> float:
    """Return the median over the rounds: each pair ran under the same load of the machine."""
    spent_ours, spent_limit = getattr(off.ours, what), getattr(off.limit, what)
    pairs = zip(played.costs[OURS], played.costs[limit], strict=True)
    return float(
        median(
            max(getattr(theirs, what) - spent_limit, 0.0) / max(getattr(ours, what) - spent_ours, 0.001)
            for ours, theirs in pairs
        )
    )


def _told(played: Played, limit: str) -> str:
    def of(name: str) -> str:
        wall, client, server = (played.middle(name, what) for what in ("wall_s", "client_s", "server_s"))
        return f"wall {wall:.2f} s, cpu {client:.2f}+{server:.2f} s"

    speed = played.rows / played.middle(OURS, "wall_s")
    return f"{of(OURS)}, {speed:,.0f} rows/s, peak {peak_mb(played):.0f} MB; {limit}: {of(limit)}"


def peak_mb(played: Played) -> float:
    """Return the most memory a run of ours took."""
    return max(cost.rss for cost in played.costs[OURS]) / 2**20


def _cost(cost: Cost) -> dict[str, float]:
    return {
        "wall_s": round(cost.wall_s, 3), "client_s": round(cost.client_s, 3),
        "server_s": round(cost.server_s, 3), "rss": cost.rss,
    }  # fmt: skip


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.2f}"
