"""Playing a job: interleaved runs of ours and its limits, each with its target checked."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median
from typing import Any

from benchmarks.speed import data
from benchmarks.speed.arena import Arena, report_of
from benchmarks.speed.jobs import BASE, Content, Job
from benchmarks.speed.measure import Cost

OURS = "ours"


@dataclass
class Played:
    """The runs of a job.

    Args:
        costs: contender → one cost per round.
        reports: of our runs.
        rows: read by each.
    """

    job: Job
    rows: int
    costs: dict[str, list[Cost]] = field(default_factory=dict)
    reports: list[dict[str, Any]] = field(default_factory=list)

    def middle(self, contender: str, what: str) -> float:
        """Return the median of one figure of a contender."""
        return float(median(getattr(cost, what) for cost in self.costs[contender]))

    def stage_s(self, name: str = "") -> float:
        """Return the median CPU of one of our stages, or of all."""
        return float(median(sum(s for n, s in r["stage_s"].items() if not name or n == name) for r in self.reports))


class Wrong(Exception):
    """A target does not hold what it must: a ratio of it would mean nothing."""


def play(arena: Arena, job: Job, rounds: int) -> Played:
    """Run ours and the limits in turn.

    Raises:
        Wrong: a target is not right.
    """
    arena.write(job.name, job.yaml)
    if job.filled:
        _make_base(arena, job)
    rows = int(str(arena.pg.sql("shop", f"SELECT count(*) FROM {job.reads}")[0][0]))
    played = Played(job, rows, {OURS: [], **{name: [] for name in job.limits}})
    for _ in range(rounds):
        _ours(arena, played)
        for name, limit in job.limits.items():
            shape = limit.shape or job.name
            _fill(arena) if job.filled else arena.lay_shape(shape)
            played.costs[name].append(arena.measured(limit.commands(arena)))
            check(arena, f"{job.name}, {name}", shape, limit.content)
    return played


def _ours(arena: Arena, played: Played) -> None:
    job = played.job
    _fill(arena) if job.filled else arena.forget()
    cost = arena.measured(arena.six_stages(job.name) if job.six else arena.ours(job.name))
    arena.keep_shape(job.name, job.shaped)
    check(arena, job.name, job.name, job.content)
    report = dict(report_of(cost))
    bad = int(str(arena.pg.sql("shop", f"SELECT count(*) FROM {job.reads} WHERE {job.bad or 'false'}")[0][0]))
    counted = report["counters"]
    if (counted["read"], counted["rejected"]) != (played.rows, bad):
        raise Wrong(f"{job.name}: {played.rows} rows with {bad} bad ones, and ours counted {counted}")
    if bad and (kept := arena.pg.sql("dwh", "SELECT count(*) FROM ods._sync_rejected")[0][0]) != bad:
        raise Wrong(f"{job.name}: {bad} rows are bad, and {kept} are in quarantine")
    played.costs[OURS].append(cost)
    played.reports.append(report)


def check(arena: Arena, who: str, shape: str, content: Content) -> None:
    """Compare the target with what it must hold.

    Raises:
        Wrong: it holds something else.
    """
    if shape.endswith("_my"):
        found = arena.my.sql("dwh", data.digest_mariadb_sql("orders"))[0]
        wanted = arena.my.sql("shop", data.digest_mariadb_sql("orders"))[0]
    else:
        found = arena.pg.sql("dwh", data.digest_sql("ods.orders", content.names))[0]
        wanted = _wanted(arena, content)
    if found != wanted:
        raise Wrong(f"{who}: the target holds (rows, sum) {found} instead of {wanted}")


def _wanted(arena: Arena, content: Content) -> tuple[object, ...]:
    sql = data.digest_sql(content.rows, content.names)
    if sql not in arena.digests:
        arena.digests[sql] = arena.pg.sql("shop", sql)[0]
    return arena.digests[sql]


def _make_base(arena: Arena, job: Job) -> None:
    """Load all rows with a run of our own, and keep them."""
    arena.write(job.name, BASE)
    arena.forget()
    arena.measured(arena.ours(job.name))
    arena.write(job.name, job.yaml)
    arena.keep_shape(job.name)
    arena.pg.sql("dwh", "CREATE TABLE bench.base AS TABLE ods.orders", "VACUUM bench.base")


def _fill(arena: Arena) -> None:
    """Bring the target back to all rows as they were; its visibility is settled, so that no run pays for it."""
    rows = "INSERT INTO ods.orders SELECT * FROM bench.base ORDER BY order_id"
    arena.pg.sql("dwh", "TRUNCATE ods.orders, ods._sync_rejected", rows, "VACUUM ANALYZE ods.orders")
