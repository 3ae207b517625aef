"""A task tried again after it, or a twin of it, had committed: rows are there once."""

from __future__ import annotations

from typing import Any

import pytest

from sync_provider.core import engine
from sync_provider.core.engine.writing import Writing
from sync_provider.core.errors import BusyError
from tests.integration.pipeline.project import Project

YAML = """
    source: {type: file, path: inbox}
    target: {connection: dwh}
    interfaces:
      orders:
        files: orders.csv
        write: append
        checks: [{not_null: [name]}]
    """


def _until_load(project: Project) -> tuple[Any, ...]:
    """Run the stages before `load`; return what it takes."""
    project.yaml("crm", YAML)
    project.csv("orders.csv", "id,name", "1,a", "2,b", "3,")
    plan, cancel = project.plan("crm.orders"), engine.Cancel()
    ticket = engine.check(plan, engine.RunRequest("r1"), project.connections)
    handover = engine.extract(plan, ticket, project.connections, cancel)
    handover = engine.transform(plan, ticket, handover, project.connections, cancel)
    handover = engine.quality(plan, ticket, handover, project.connections, cancel)
    return plan, ticket, handover, project.connections, cancel


def test_a_load_killed_after_its_commit_is_not_done_twice(project: Project) -> None:
    asked = _until_load(project)
    first, again = engine.load(*asked), engine.load(*asked)
    assert project.rows("select count(*) from orders") == [(2,)]
    assert again["status"] == "ok"
    assert again["counters"] == first["counters"]
    assert again["rejected_by_rule"] == first["rejected_by_rule"]
    assert project.rows("select count(*) from _sync_rejected") == [(1,)]


def test_a_load_that_lives_on_beside_its_next_try_does_not_commit(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = _until_load(project)
    engine.load(*asked)
    honest, asked_before = Writing._is_done, []

    def began_before(self: Writing, session: Any) -> bool:
        if not asked_before:
            asked_before.append(True)
            return False
        return honest(self, session)

    monkeypatch.setattr(Writing, "_is_done", began_before)
    with pytest.raises(BusyError, match="another try of run 'r1' committed"):
        engine.load(*asked)
    assert project.rows("select count(*) from orders") == [(2,)]
