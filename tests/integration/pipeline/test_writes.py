"""Every way of writing, run by run: tests/data/writes.yaml on each target, fused, staged, and in chunks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from sync_provider.core import engine
from sync_provider.core.contracts import Counters
from sync_provider.core.errors import ConfigError, SyncError
from tests.integration.pipeline.project import Project

FACTS: dict[str, dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parents[2] / "data" / "writes.yaml").read_text(encoding="utf-8")
)
SOURCE = {"source": {"type": "file", "path": "inbox"}, "target": {"connection": "dwh"}}
#: counts a fact need not name
LOOSE = ("read", "loaded", "rejected")


@pytest.fixture(params=["lite", "pg", "maria"], ids=["sqlite", "postgres", "mariadb"])
def project(request: pytest.FixtureRequest) -> Project:
    """A project on each target."""
    made: Project = request.getfixturevalue(request.param)
    return made


@pytest.mark.parametrize("way", ["run", "run_staged", "chunked"])
@pytest.mark.parametrize("case", FACTS)
def test_facts_of_writing(project: Project, case: str, way: str) -> None:
    fact = FACTS[case]
    load = project.run_staged if way == "run_staged" else project.run
    for number, run in enumerate(fact["runs"]):
        where = f"{case}, run {number}"
        interface = _interface(fact["interface"], run) | ({"load": "staged"} if way == "chunked" else {})
        project.yaml("gen", yaml.safe_dump({**SOURCE, "interfaces": {"rows": interface}}, allow_unicode=True))
        project.csv("rows.csv", *run["csv"])
        if "error" in run:
            with pytest.raises((SyncError, AssertionError)) as caught:
                load("gen.rows", f"r{number}")
            assert run["error"] in str(caught.value), where
        else:
            report = load("gen.rows", f"r{number}")
            _check(report.counters, run, where)
            assert run.get("note", "") in "; ".join(report.notes), where
            assert ("note" in run) == any("key" in note for note in report.notes), where
        if "rows" in run:
            assert _stored(project, fact.get("show", ["id", "v"])) == run["rows"], where


def _write(project: Project, **interface: Any) -> None:
    made = {"files": "rows.csv", "columns": {"id": {"type": "bigint"}}, **interface}
    project.yaml("gen", yaml.safe_dump({**SOURCE, "interfaces": {"rows": made}}))


@pytest.mark.parametrize("interface", [{"write": "replace"}, {"primary_key": "id", "deletes": "soft"}])
def test_a_part_never_replaces_all(lite: Project, interface: dict[str, Any]) -> None:
    _write(lite, **interface)
    lite.csv("rows.csv", "id,v", "1,a")
    lite.run("gen.rows", "r1")
    for bounds in ({"since": "2026-01-01"}, {"until": "2026-01-01"}):
        with pytest.raises(ConfigError, match="and cannot be one of"):
            lite.run("gen.rows", f"r2-{bounds}", kind="manual", **bounds)
    assert lite.run("gen.rows", "r3", kind="full").counters.loaded == 1


@pytest.mark.parametrize("interface", [{"write": "replace"}, {"primary_key": "id", "deletes": "soft"}])
def test_the_guard_nobody_wrote_is_explained(lite: Project, interface: dict[str, Any]) -> None:
    _write(lite, **interface)
    told = lite.call("explain", "erp.gen.rows").stdout
    assert "guard.min_rows" in told
    assert "50%" in told


def test_preview_shows_rows_and_no_deletes_of_ours(lite: Project) -> None:
    _write(lite, primary_key="id", deletes="hard")
    lite.csv("rows.csv", "id,v", "1,a", "two,b")
    seen = engine.preview(lite.plan("gen.rows"), lite.connections)
    assert seen.good.rows() == [(1, "a", 1)]
    assert seen.rejected.height == 1


def test_a_column_with_our_name_is_refused(lite: Project) -> None:
    _write(lite, primary_key="id", deletes="hard")
    lite.csv("rows.csv", "id,__deleted", "1,a")
    with pytest.raises(ConfigError, match="a column is called '__deleted', which is ours"):
        lite.run("gen.rows", "r1")


def _interface(base: dict[str, Any], run: dict[str, Any]) -> dict[str, Any]:
    made = {"files": "rows.csv", "target": {"table": "rows_t"}, **base, **run.get("interface", {})}
    header = run["csv"][0].split(",")
    types = {name: {"type": kind} for name, kind in (("id", "bigint"), ("n", "bigint")) if name in header}
    return {**made, "columns": {**types, **made.get("columns", {}), **run.get("columns", {})}}


def _check(found: Counters, run: dict[str, Any], where: str) -> None:
    assert found.leak() == 0, where
    assert found.inserted + found.updated + found.unchanged + found.removed == found.loaded, where
    assert found.rejected == run.get("rejected", 0), where
    names = [name for name in Counters.__dataclass_fields__ if name not in LOOSE]
    told = {name: getattr(found, name) for name in names if getattr(found, name)}
    assert told == run["counts"], where


def _stored(project: Project, names: list[str]) -> list[list[str | None]]:
    """Return what people see in the table: rows that are not deleted, as texts."""
    listed = ", ".join(names)
    try:
        rows = project.rows(f"select {listed} from rows_t where _deleted_at is null")
    except Exception:  # noqa: BLE001 - most tables have no such column
        rows = project.rows(f"select {listed} from rows_t")
    texts = [[None if value is None else str(value) for value in row] for row in rows]
    return sorted(texts, key=lambda row: [value or "" for value in row])
