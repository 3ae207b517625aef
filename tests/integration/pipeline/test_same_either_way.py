"""Staged is fused: random rows, random words, random batch sizes end in the same target and the same quarantine."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import yaml
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from sync_provider.core.contracts import ConnectionInfo, RunReport
from sync_provider.core.errors import ConfigError, QualityGateError
from tests.integration.pipeline.project import Project

CELL = st.one_of(
    st.sampled_from(["", " x ", "abc", "1", "-1", "12.50", "1e3", "NaN", "0", "中文", '"quoted"', "2026-01-01", "a@b"]),
    st.integers(-5, 120).map(str),
)
COLUMNS = ["id", "a", "b", "c"]
TYPES = ["decimal(8,2)", "integer", "double"]
KEPT = "row_number, position, kind, rule, message, key, data, raw, state"
CHECKS = [
    {"not_null": ["a"]},
    {"range": {"b": {"min": 0, "max": 100}}},
    {"range": {"b": {"min": 0}}, "on_fail": "drop", "name": "positive"},
    {"regex": {"a": "^[a-z@0-9.]*$"}, "on_fail": "warn"},
    {"unique": ["a"]},
    {"unique": ["a", "c"], "on_fail": "drop"},
    {"expr": "a <> c or c is null"},
    {"in": {"c": ["1", "2", "abc", "x"]}, "on_fail": "warn"},
    {"expr": "b < 110", "on_fail": "abort"},
]
CLEAN = [
    {"trim": ["a", "c"]},
    {"fill": {"c": "none"}},
    {"drop_null": ["c"]},
    {"deduplicate": {"key": ["a"], "order_by": ["b"]}},
]
NOTHING_LEFT = {"guard": {"min_rows": 0}}
WRITES = [
    {"primary_key": "id"},
    {"write": "append"},
    {"write": "replace", "primary_key": "id", **NOTHING_LEFT},
    {"write": "replace", **NOTHING_LEFT},
    {"primary_key": "id", "deletes": "hard", **NOTHING_LEFT},
    {"primary_key": "id", "deletes": {"mode": "soft", "when": "c = '0' or c = '1'"}},
    {"primary_key": "id", "order_by": "b", "deletes": {"mode": "hard", "when": "a = 'abc'"}},
]
#: rows of the run before
BEFORE = [["1", "a", "1", "1"], ["12", "b", "1", "x"], ["7", "c", "1", "2"], ["-1", "d", "5", "2"]]
MASKS = [{}, {"a": "redact"}, {"c": {"method": "hmac", "key": "mask_key"}}, {"a": "partial"}]


@st.composite
def interfaces(draw: st.DrawFn) -> dict[str, Any]:
    """One interface's YAML."""
    made: dict[str, Any] = {
        "files": "rows.csv",
        "columns": {
            "id": {"type": "bigint"},
            "b": {"type": draw(st.sampled_from(TYPES))},
        },
        "clean": draw(st.lists(st.sampled_from(CLEAN), max_size=3, unique_by=str)),
        "checks": draw(st.lists(st.sampled_from(CHECKS), max_size=4, unique_by=str)),
        "batch": {"rows": draw(st.integers(1, 30))},
    }
    if draw(st.booleans()):
        made["filter"] = "a <> '0' or a is null"
    if mask := draw(st.sampled_from(MASKS)):
        made["mask"] = mask
    made |= draw(st.sampled_from(WRITES))
    if draw(st.booleans()):
        made["max_bad"] = {"rows": draw(st.integers(0, 5))}
    return made


def _outcome(root: Path, interface: dict[str, Any], rows: list[list[str]], way: str) -> dict[str, Any]:
    project = Project.make(root, ConnectionInfo("t", "sqlite", host=str(root / "t.db")), ConnectionInfo("s", "sqlite"))
    source = {"source": {"type": "file", "path": "inbox"}, "target": {"connection": "dwh"}}
    project.yaml("gen", yaml.safe_dump({**source, "interfaces": {"rows": interface}}, allow_unicode=True))
    failed = ""
    report = RunReport("", "")
    for run_id, lines in (("r0", BEFORE), ("r1", rows)):
        project.csv("rows.csv", ",".join(COLUMNS), *[",".join(_quoted(cell) for cell in row) for row in lines])
        try:
            report = getattr(project, way)("gen.rows", run_id)
        except QualityGateError as error:
            failed += error.what
    names = ", ".join(f'"{name}"' for name in COLUMNS)
    names += ", _deleted_at is null" if isinstance(interface.get("deletes"), dict) and "soft" in str(interface) else ""
    return {
        "failed": failed,
        "counters": report.counters,
        "by_rule": report.rejected_by_rule,
        "warned": report.warned_by_rule,
        "notes": [note for note in report.notes if "key" in note],
        "rows": sorted(project.rows(f"select {names} from rows"), key=repr),
        "quarantine": project.rows(f"select {KEPT} from _sync_rejected order by row_number"),
    }


def _quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if '"' in cell else cell


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(interfaces(), st.lists(st.lists(CELL, min_size=4, max_size=4), max_size=40))
def test_staged_is_fused(interface: dict[str, Any], rows: list[list[str]]) -> None:
    root = Path(tempfile.mkdtemp(prefix="sync-either-"))
    try:
        try:
            fused = _outcome(root / "fused", interface, rows, "run")
        except ConfigError:  # words that do not go together, such as unique on a redacted column
            reject()
        assert fused == _outcome(root / "staged", interface, rows, "run_staged")
        if not fused["failed"]:  # a run that is stopped has seen more or fewer rows by then
            whole = {**interface, "batch": {"rows": 1000}}
            assert fused == _outcome(root / "whole", whole, rows, "run"), "no word depends on where a batch is cut"
        assert fused["counters"].leak() == 0
    finally:
        shutil.rmtree(root)
