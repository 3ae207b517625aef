"""A kill -9 at every durable edge: the target is old or new, never half, and the same run done again is exact."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sync_provider.core.engine.failpoints import EDGES
from tests.integration.pipeline.project import Project

ROWS = 500
YAML = """
    source: {type: file, path: inbox}
    target: {connection: dwh}
    interfaces:
      orders:
        files: orders.csv
        %s
        columns:
          id: {type: bigint}
          amount: {type: "decimal(12,2)"}
        checks:
          - not_null: [buyer]
    """
FUSED = [edge for edge in EDGES if edge not in ("stage_write", "manifest", "cleanup")]
AFTER = ("after_commit", "ack", "cleanup")


def _lay_out(project: Project, write: str) -> None:
    project.yaml("crm", YAML % write)
    lines = [f"{n},{n}.25,{'' if n % 50 == 0 else f'买家{n}'}" for n in range(1, ROWS + 1)]
    project.csv("orders.csv", "id,amount,buyer", *lines)


def _fused(project: Project, edge: str) -> int:
    return project.call("run", "erp.crm.orders", "--run-id", "r1", SYNC_FAILPOINT=f"{edge}:kill").returncode


def _staged(project: Project, edge: str) -> int:
    line = [
        sys.executable,
        "-m",
        "tests.integration.pipeline.drive",
        str(project.root / "config"),
        "erp.crm.orders",
        "r1",
    ]
    here = Path(__file__).parents[3]
    return subprocess.run(line, env=project.env(SYNC_FAILPOINT=f"{edge}:kill"), cwd=here, check=False).returncode


def _state(project: Project) -> tuple[int, int, int]:
    """Return rows in the target, rejected rows, finished runs in the ledger."""
    counts = []
    for sql in (
        "select count(*) from orders",
        "select count(*) from _sync_rejected",
        "select count(*) from _sync_load where status = 'done'",
    ):
        counts.append(int(project.rows(sql)[0][0]))
    return counts[0], counts[1], counts[2]


@pytest.mark.parametrize("write", ["primary_key: id", "write: append"], ids=["merge", "append"])
@pytest.mark.parametrize("edge", FUSED)
def test_a_fused_run_killed_at(project: Project, edge: str, write: str) -> None:
    _lay_out(project, write)
    assert _fused(project, edge) == -9
    whole = (490, 10, 1)
    assert _state(project) == (whole if edge in AFTER else (0, 0, 0))
    report = project.run("crm.orders", "r1")
    assert report.counters.leak() == 0
    assert (report.counters.read, report.counters.rejected) == (ROWS, 10)
    assert _state(project) == whole


@pytest.mark.parametrize("edge", EDGES)
def test_a_staged_run_killed_at(project: Project, edge: str) -> None:
    _lay_out(project, "primary_key: id")
    assert _staged(project, edge) == -9
    whole = (490, 10, 1)
    assert _state(project) == (whole if edge in AFTER else (0, 0, 0))
    report = project.run_staged("crm.orders", "r1")
    assert (report.counters.read, report.counters.loaded, report.counters.rejected) == (ROWS, 490, 10)
    assert _state(project) == whole
    assert not list((project.root / ".sync" / "staging").glob("*/*")), "staging is empty after the report"


@pytest.mark.parametrize("how", ["truncate", "swap"])
@pytest.mark.parametrize("edge", ["copy", "move", "ledger", "commit", "after_commit"])
def test_a_replace_killed_at(project: Project, edge: str, how: str) -> None:
    _lay_out(project, f"write: replace\n        replace: {how}")
    project.csv("orders.csv", "id,amount,buyer", *[f"{n},1,old" for n in range(600)])
    project.run("crm.orders", "r0")
    _lay_out(project, f"write: replace\n        replace: {how}")
    assert _fused(project, edge) == -9
    buyers = "select count(*), count(case when buyer = 'old' then 1 end) from orders"
    assert project.rows(buyers) == ([(490, 0)] if edge in AFTER else [(600, 600)])
    report = project.run("crm.orders", "r1")
    assert (report.counters.loaded, report.counters.leak()) == (490, 0)
    assert project.rows(buyers) == [(490, 0)]
