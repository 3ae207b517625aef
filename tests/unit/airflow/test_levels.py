"""`schedule` and `enabled` at three levels: who wins, which DAG it is, and what `explain` gives as the reason."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import CronDataIntervalTimetable
from airflow.serialization.encoders import coerce_to_core_timetable
from airflow.timetables.simple import NullTimetable

from sync_provider.core.plan import explain, load_project
from sync_provider.dag_factory import build_dags

#: level → its own schedule, so that one sees which was taken
CRON = {"project": "1 1 * * *", "source": "2 2 * * *", "interface": "3 3 * * *"}
LEVELS = tuple(CRON)
STATES = ("unset", "set", "disabled")
COMBINATIONS = list(product(STATES, repeat=3))


def said(level: str, state: str) -> str:
    """Return what a level says of schedule and enabled, as lines without indentation."""
    return {"unset": "", "set": f'schedule: "{CRON[level]}"\n', "disabled": "enabled: false\n"}[state]


def files(project: str, source: str, interface: str) -> dict[str, str]:
    """Lay out one source: interface `a` says what is tried, `b` beside it says nothing."""
    inherited = "".join(f"  {line}\n" for line in said("project", project).splitlines())
    own = "".join(f"    {line}\n" for line in said("interface", interface).splitlines())
    return {
        "project.yaml": f"defaults:\n  owner: data\n{inherited}",
        "sources/erp/shop.yaml": (
            "source: {type: sqlite, connection: shop}\ntarget: {connection: dwh}\n"
            f"{said('source', source)}interfaces:\n  a:\n    primary_key: id\n{own}  b:\n    primary_key: id\n"
        ),
    }


def nearest(states: tuple[str, ...], wanted: str) -> str | None:
    """Return the level nearest to the interface that is in a state."""
    return next((level for level, state in reversed([*zip(LEVELS, states, strict=False)]) if state == wanted), None)


@pytest.mark.parametrize("states", COMBINATIONS, ids="-".join)
def test_the_nearest_level_wins(states: tuple[str, str, str], project: Callable[..., Path]) -> None:
    config = project(files(*states))
    sched, off = nearest(states, "set"), nearest(states, "disabled")
    loaded = load_project(config)
    plan = loaded.plan("erp.shop.a").schedule
    want = ("cron", CRON[sched]) if sched else ("manual", None)
    assert (plan.kind, plan.cron, plan.enabled) == (*want, off is None)

    rows = {key: (value, origin, level) for key, value, origin, level in explain(loaded, "erp.shop.a")}
    assert rows["schedule"][0::2] == ((CRON[sched], sched) if sched else ("manual", "builtin"))
    assert rows["enabled"][0::2] == ((False, off) if off else (True, "builtin"))
    next_runs, place, _ = rows["schedule.next_runs"]
    if off:
        assert (next_runs, place) == ("never: disabled", rows["enabled"][1])
    elif sched:
        assert len(next_runs) == 3
        assert place == rows["schedule"][1]
    else:
        assert (next_runs, place) == ("when someone starts it", "built-in")


@pytest.mark.parametrize("states", COMBINATIONS, ids="-".join)
def test_the_dag_is_that_of_the_level(states: tuple[str, str, str], project: Callable[..., Path]) -> None:
    dags = build_dags(project(files(*states)))
    own = "erp.shop.a" if nearest(states, "set") == "interface" else "erp.shop"
    assert set(dags) == {"erp.shop", own}
    dag = dags[own]
    assert "a.check" in dag.task_dict
    runs_by_itself = nearest(states, "disabled") is None if own != "erp.shop" else others_enabled(states)
    sched = nearest(states, "set")
    if sched and runs_by_itself:
        assert dag.timetable == CronDataIntervalTimetable(CRON[sched], timezone="UTC")
    else:
        assert isinstance(coerce_to_core_timetable(dag.timetable), NullTimetable)
    assert ("disabled" in dag.tags) is not runs_by_itself


def others_enabled(states: tuple[str, ...]) -> bool:
    """Whether `b`, which shares the DAG and says nothing itself, is enabled."""
    return "disabled" not in states[:2]


def test_enabled_true_nearer_by_takes_a_disabled_back(project: Callable[..., Path]) -> None:
    layout = files("disabled", "disabled", "unset")
    layout["sources/erp/shop.yaml"] = layout["sources/erp/shop.yaml"].replace("  a:\n", "  a:\n    enabled: true\n")
    loaded = load_project(project(layout))
    assert [loaded.plan(f"erp.shop.{name}").schedule.enabled for name in "ab"] == [True, False]


def test_with_every_schedule_deleted_the_documented_default_holds(project: Callable[..., Path]) -> None:
    loaded = load_project(project(files("unset", "unset", "unset")))
    rows = {key: value for key, *value in explain(loaded, "erp.shop.a")}
    page = (Path(__file__).parents[3] / "docs/yaml.md").read_text(encoding="utf-8")
    assert rows["schedule"] == ["manual", "built-in", "builtin"]
    assert "| `schedule` | `manual` |" in page


def test_changing_the_sources_schedule_changes_only_what_inherits_it(project: Callable[..., Path]) -> None:
    def seen(source_says: str) -> tuple[dict[str, Any], dict[str, str]]:
        layout = files("set", "set", "set")
        layout["sources/erp/shop.yaml"] = layout["sources/erp/shop.yaml"].replace(CRON["source"], source_says)
        config = project(layout)
        plans = load_project(config).plans
        return {name: dag.timetable for name, dag in build_dags(config).items()}, {
            name: plan.config_hash for name, plan in plans.items()
        }

    dags, hashes = seen(CRON["source"])
    later_dags, later_hashes = seen("4 4 * * *")
    assert {name for name in dags if dags[name] != later_dags[name]} == {"erp.shop"}
    assert {name for name in hashes if hashes[name] != later_hashes[name]} == {"erp.shop.b"}
