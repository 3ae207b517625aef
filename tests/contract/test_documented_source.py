"""The source that docs/systems.md shows to start from keeps what every source keeps."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path

import pytest

from sync_provider.core.contracts import (
    ConnectionInfo,
    Plan,
    SchedulePlan,
    SourcePlan,
    TargetPlan,
)
from sync_provider.testing.source_contract import SourceContract
from tests.house.markdown import DOCS, blocks


class _Arena:
    """Each interface is one JSON file."""

    big_rows = 2000

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.source = import_module("records.source").SOURCE

    def connections(self, connection_id: str) -> ConnectionInfo:
        """It has none."""
        raise AssertionError(connection_id)

    def fill(self, name: str, columns: Mapping[str, str], rows: Sequence[Sequence[str | None]]) -> None:
        """Write the names, then the rows."""
        (self._folder / f"{name}.json").write_text(json.dumps([list(columns), *map(list, rows)]), encoding="utf-8")

    def plan(self, name: str) -> Plan:
        """Return a plan that reads the file."""
        source = SourcePlan("records", None, {"folder": str(self._folder)})
        return Plan("lib", "src", name, source, TargetPlan("t", name), "full", "append", SchedulePlan("manual"))


class TestDocumentedSource(SourceContract):
    @pytest.fixture
    def arena(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> _Arena:
        (block,) = [block for block in blocks(DOCS / "systems.md") if block.path == "plugins/records/source.py"]
        module = tmp_path / block.path
        module.parent.mkdir(parents=True)
        module.write_text(block.text, encoding="utf-8")
        monkeypatch.syspath_prepend(str(tmp_path / "plugins"))
        return _Arena(tmp_path)
