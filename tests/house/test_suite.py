"""`make test` runs every folder of tests: one that it does not name would pass by never running."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_make_runs_every_folder_with_tests() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"tests/(\w+)", " ".join(re.findall(r"^(?:QUICK|ALONE|ALONGSIDE) := .*$", makefile, re.M))))
    there = {path.relative_to(ROOT / "tests").parts[0] for path in (ROOT / "tests").rglob("test_*.py")}
    assert named == there
