"""`use:` and `with:`: who wins, what is filled in, what a mistake in a template stops."""

from __future__ import annotations

from pathlib import Path

import pytest

from sync_provider.core.plan import Project, explain, load_project
from tests.unit.config.test_project import HEAD, TARGET, lay, one

TEMPLATES = """\
templates:
  tracked:
    primary_key: "${key}"
    incremental: {cursor: "${cursor}", lag: 10m}
    where: "tenant = ${tenant} and $${x} is null"
    checks: [{not_null: [id]}]
    max_bad: 5%
  hourly:
    schedule: "@hourly"
    tags: [often]
"""
SHOP = HEAD + TARGET + "use: tracked\nwith: {key: id, cursor: updated_at, tenant: 7}\ninterfaces:\n"


def plans(root: Path, text: str, project: str = TEMPLATES, env: str | None = None) -> Project:
    return one(root, text, project, env)


def texts(root: Path, text: str, project: str = TEMPLATES) -> list[str]:
    loaded = load_project(lay(root, {"sources/erp/shop.yaml": text, "project.yaml": project}))
    return [problem.text() for problem in loaded.problems]


def test_a_template_is_filled_with_the_nearest_parameters(tmp_path: Path) -> None:
    text = SHOP + "  orders:\n  users: {with: {tenant: 8, key: [a, b]}}\n"
    project = plans(tmp_path, text)

    orders, users = project.plan("erp.shop.orders"), project.plan("erp.shop.users")
    assert (orders.where, users.where) == ("tenant = 7 and ${x} is null", "tenant = 8 and ${x} is null")
    assert (orders.primary_key, users.primary_key) == (("id",), ("a", "b"))
    assert {plan.increment.cursor for plan in (orders, users) if plan.increment} == {"updated_at"}
    assert {plan.max_bad.percent for plan in (orders, users)} == {5.0}


def test_what_is_written_nearer_wins_and_maps_merge(tmp_path: Path) -> None:
    text = SHOP.replace("interfaces:", "max_bad: 1%\ninterfaces:")
    text += "  orders: {incremental: {lag: 1h}, checks: []}\n"
    plan = plans(tmp_path, text, TEMPLATES + "defaults: {max_bad: 2%}\n").plan("erp.shop.orders")

    assert plan.max_bad.percent == 1.0, "the source file wins over the template, the template over defaults"
    assert plan.increment is not None
    assert (plan.increment.cursor, plan.increment.lag_s) == ("updated_at", 3600.0)
    assert plan.checks == ()


def test_an_interface_replaces_the_templates_of_its_source(tmp_path: Path) -> None:
    text = (
        SHOP + "  orders: {use: [tracked, hourly]}\n  cats: {use: [], primary_key: id}\n"
        "  dogs: {use: hourly, write: append}\n"
    )
    project = plans(tmp_path, text)

    orders, cats, dogs = (project.plan(f"erp.shop.{name}") for name in ("orders", "cats", "dogs"))
    assert (orders.schedule.cron, orders.increment is None, orders.tags) == ("0 * * * *", False, ("often",))
    assert (cats.schedule.kind, cats.increment, cats.checks) == ("manual", None, ())
    assert (dogs.increment, dogs.schedule.origin) == (None, "interface")


def test_a_schedule_is_as_near_as_the_line_that_uses_it(tmp_path: Path) -> None:
    text = HEAD + TARGET + "use: hourly\ninterfaces:\n  orders: {primary_key: id}\n"

    plan = plans(tmp_path, text).plan("erp.shop.orders")

    assert (plan.schedule.cron, plan.schedule.origin) == ("0 * * * *", "source")
    source = plans(tmp_path, text).source_of("erp.shop.orders")
    assert source.tags == ("often",)


def test_explain_names_the_template_and_the_parameter(tmp_path: Path) -> None:
    project = plans(tmp_path, SHOP + "  orders:\n")

    told = {key: (origin, level) for key, _, origin, level in explain(project, "erp.shop.orders")}

    assert told["incremental.lag"] == ("config/project.yaml:4", "template")
    assert told["incremental.cursor"] == ("config/project.yaml:4 with config/sources/erp/shop.yaml:4", "template")
    assert told["use"] == ("config/sources/erp/shop.yaml:3", "source")


def test_a_mistake_in_a_template_stops_only_those_who_use_it(tmp_path: Path) -> None:
    broken = (
        TEMPLATES + "  broken:\n    primry_key: id\n    timeout: ${t} later\n    retry: {max: '${n}', delay: often}\n"
    )
    files = {
        "project.yaml": broken,
        "sources/erp/a.yaml": HEAD + TARGET + "use: broken\nwith: {n: 1, t: 1}\ninterfaces: {x: {}, y: {}}\n",
        "sources/erp/b.yaml": HEAD + TARGET + "use: hourly\ninterfaces: {z: {primary_key: id}}\n",
    }
    loaded = load_project(lay(tmp_path, files))

    assert list(loaded.plans) == ["erp.b.z"]
    told = [(p.file, p.line, p.path.partition("broken.")[2]) for p in loaded.problems if p.template is None]
    assert ("config/project.yaml", 12, "primry_key") in told
    assert ("config/project.yaml", 14, "retry.delay") in told
    assert len(told) == len(set(told)) == 2, "once, however many use it"


def test_a_template_that_is_used_nowhere_is_checked_all_the_same(tmp_path: Path) -> None:
    found = texts(tmp_path, HEAD + TARGET + "interfaces: {z: {primary_key: id}}\n", "templates: {t: {chekcs: []}}\n")

    assert [text.splitlines()[0] for text in found] == [
        "config/project.yaml:1:17 templates.t.chekcs: unknown key; did you mean 'checks'?"
    ]


@pytest.mark.parametrize("value", ["[a]", "{a: b}", "null"])
def test_only_text_fits_into_a_text(tmp_path: Path, value: str) -> None:
    found = texts(tmp_path, SHOP.replace("tenant: 7", f"tenant: {value}") + "  orders:\n")

    assert len(found) == 1
    assert "with.tenant: parameter 'tenant' stands within a text" in found[0]
    assert "config/project.yaml:5:12 templates.tracked.where: comes from here" in found[0]


def test_both_places_are_told_for_what_goes_wrong_in_use(tmp_path: Path) -> None:
    text = (
        "source: {type: file, path: x}\n"
        + TARGET
        + "use: tracked\nwith: {key: id, cursor: u, tenant: 1}\ninterfaces:\n  a: {files: a.csv}\n"
    )

    found = texts(tmp_path, text)

    assert [[line.split()[0] for line in text.splitlines() if line.startswith("config/")] for text in found] == [
        ["config/sources/erp/shop.yaml:3:6", "config/project.yaml:4:5"],
        ["config/sources/erp/shop.yaml:4:36", "config/project.yaml:5:5"],
    ]
