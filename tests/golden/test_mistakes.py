"""Bad YAML in, exact text out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from sync_provider.core.plan import load_project

TABLE = Path(__file__).with_name("mistakes.yaml")
CASES: dict[str, dict[str, Any]] = yaml.load(TABLE.read_text(encoding="utf-8"), yaml.CSafeLoader)
NEWLINE = "\n"
SOURCES = {name: case for name, case in CASES.items() if "project" not in case}


def write(root: Path, name: str, case: dict[str, Any]) -> Path:
    """Lay a case out as a project and return its config folder."""
    config = root / "config"
    (config / "sources" / "shop").mkdir(parents=True, exist_ok=True)
    (config / "sources" / "shop" / f"{name}.yaml").write_bytes(case["file"].encode())
    if "project" in case:
        (config / "project.yaml").write_bytes(case["project"].encode())
    return config


@pytest.mark.parametrize("name", CASES)
def test_a_mistake_is_told_in_these_words(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    project = load_project(write(tmp_path, name, case), case.get("env"))
    told = "\n".join(problem.text() for problem in project.problems) + "\n"
    if os.environ.get("SYNC_GOLDEN") == "write":
        rewrite(name, told)
        return

    assert case["expect"] == told
    assert all(source.plans == () for source in project.sources)


def rewrite(name: str, told: str) -> None:
    """Replace the expectation of one case in the table, leaving everything else as it is."""
    head, _, rest = TABLE.read_text(encoding="utf-8").partition(f"\n{name}:\n")
    body, sep, tail = rest.partition("\n\n")
    kept = body.partition("  expect:")[0]
    shown = "".join(f"    {line}\n" if line else "\n" for line in told.splitlines())
    TABLE.write_text(f"{head}\n{name}:\n{kept}  expect: |2\n{shown.rstrip()}{sep or NEWLINE}{tail}", encoding="utf-8")


def test_all_mistakes_are_found_by_one_command_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, case in SOURCES.items():
        config = write(tmp_path, name, case)
    command = [sys.executable, "-m", "sync_provider.cli.main", "validate", "--format", "json", "--config", str(config)]
    started = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    wall_s = time.monotonic() - started
    with capsys.disabled():
        print(f"\n{len(SOURCES)} files with mistakes: {wall_s:.2f} s for one `validate`, interpreter start included")

    assert done.returncode == 1
    assert done.stderr == ""
    found = {f"{p['file']}:{p['line']}:{p['column']}" for p in json.loads(done.stdout)["problems"]}
    expected = {line.split()[0].rstrip(":") for case in SOURCES.values() for line in case["expect"].splitlines()
                if line.startswith("config/")}  # fmt: skip
    assert expected == found
    assert wall_s <= 3, "the bar is 1 s on an idle machine"


def test_one_broken_file_hides_no_other(tmp_path: Path) -> None:
    for name, case in SOURCES.items():
        config = write(tmp_path, name, case)
    good = (
        "source: {type: postgres, connection: c}\ntarget: {connection: dwh, schema: good}\n"
        "interfaces: {orders: {primary_key: id}}\n"
    )
    (config / "sources" / "shop" / "good.yaml").write_text(good, encoding="utf-8")

    project = load_project(config)

    assert list(project.plans) == ["shop.good.orders"]
    assert len(SOURCES) == sum(bool(source.problems) for source in project.sources)


@pytest.mark.parametrize("name", ["secret", "secret_in_url", "store_password"])
def test_no_format_shows_a_secret(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from sync_provider.cli.main import main

    config = write(tmp_path, name, CASES[name])
    for style in ("text", "json", "github"):
        assert main(["validate", "--config", str(config), "--format", style]) == 1
    out, err = capsys.readouterr()

    assert "secret" in out or "password" in out
    assert "hunter2" not in out + err
