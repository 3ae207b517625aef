"""Sources with more interfaces than one DAG holds are several DAGs, whose ids stay."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from sync_provider.core.plan import load_project
from sync_provider.dag_factory import build_dags
from sync_provider.dag_factory.layout import source_of

Project = Callable[..., Path]
HEAD = """\
title: 商城
source: {type: sqlite, connection: c}
target: {connection: dwh, schema: ods}
schedule: "@hourly"
interfaces:
"""


def shop(interfaces: Iterable[str]) -> dict[str, str]:
    return {"sources/erp/shop.yaml": HEAD + "".join(f"  {one}\n" for one in interfaces)}


def plain(count: int, more: str = "") -> list[str]:
    return [f"t{n}: {{primary_key: id{more}}}" for n in range(count)]


def groups(config: Path) -> dict[str, list[str]]:
    return {dag_id: list(dag.task_group.children) for dag_id, dag in build_dags(config).items()}


def test_thirty_are_one_dag_and_the_next_begins_another(project: Project) -> None:
    assert list(groups(project(shop(plain(30))))) == ["erp.shop"]
    found = groups(project(shop(plain(61))))
    assert {dag_id: len(names) for dag_id, names in found.items()} == {
        "erp.shop": 30,
        "erp.shop.part-2": 30,
        "erp.shop.part-3": 1,
    }
    assert found["erp.shop.part-3"] == ["t60"]


def test_what_is_added_at_the_end_moves_nothing(project: Project) -> None:
    before = groups(project(shop(plain(45))))
    after = groups(project(shop(plain(46))))
    assert after["erp.shop"] == before["erp.shop"]
    assert after["erp.shop.part-2"] == [*before["erp.shop.part-2"], "t45"]


def test_a_group_is_a_dag_that_no_interface_can_collide_with(project: Project) -> None:
    lines = [*plain(2), "group_fin: {primary_key: id, schedule: '@daily'}", "part_2: {primary_key: id, schedule: once}"]
    lines += [f"f{n}: {{primary_key: id, group: fin}}" for n in range(31)]
    dags = build_dags(project(shop(lines)))
    assert sorted(dags) == [
        "erp.shop", "erp.shop.group-fin", "erp.shop.group-fin-2", "erp.shop.group_fin", "erp.shop.part_2",
    ]  # fmt: skip
    assert list(dags["erp.shop"].task_group.children) == ["t0", "t1"]
    assert list(dags["erp.shop.group-fin-2"].task_group.children) == ["f30"]
    assert dags["erp.shop.group-fin"].dag_display_name == "商城 · fin"
    assert "group:fin" in dags["erp.shop.group-fin"].tags
    assert dags["erp.shop.group-fin"].timetable == dags["erp.shop"].timetable
    assert {source_of(dag_id) for dag_id in dags} == {("erp", "shop")}


def test_an_interface_with_a_schedule_of_its_own_has_its_own_dag_in_a_group_too(project: Project) -> None:
    found = groups(project(shop(["a: {primary_key: id, group: fin}",
                                 "b: {primary_key: id, group: fin, schedule: '@daily'}"])))  # fmt: skip
    assert found == {"erp.shop.group-fin": ["a"], "erp.shop.b": ["b"]}


@pytest.mark.parametrize("dag_id", ["erp.shop.part-2", "erp.shop.group-fin"])
def test_a_task_builds_the_part_it_is_in(project: Project, monkeypatch: pytest.MonkeyPatch, dag_id: str) -> None:
    config = project(shop([*plain(35), "f: {primary_key: id, group: fin}"]))
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", dag_id)
    assert list(build_dags(config)) == [dag_id]


def test_validate_tells_where_the_second_dag_begins(project: Project) -> None:
    warnings = load_project(project(shop(plain(31)))).warnings
    assert [warning.one_line() for warning in warnings] == [
        "config/sources/erp/shop.yaml:36:3 interfaces.t30: warning: 31 interfaces without `group:`, and one DAG holds "
        "30: a second DAG begins here; fix: write `group: <name>` at those that belong together, or add new ones at "
        "the end"
    ]
    assert load_project(project(shop(plain(40, ", schedule: '@daily'")))).warnings == ()


def test_a_group_must_be_fit_for_an_id(project: Project) -> None:
    (problem,) = load_project(project(shop(plain(1, ", group: Fin-1")))).problems
    assert (
        problem.one_line() == "config/sources/erp/shop.yaml:6:32 interfaces.t0.group: 'Fin-1' cannot be part of an id; "
        "fix: use a-z, 0-9 and _, a letter first"
    )
