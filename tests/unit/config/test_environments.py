"""Environments: which applies, what exists in it, and that dev can never write what is prod's."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync_provider.core.config import environments
from sync_provider.core.errors import ConfigError
from sync_provider.core.plan import Project, load_project
from tests.unit.config.test_project import HEAD, TARGET, lay, one

ENVS = """\
environments:
  dev:
    force: {target: {connection: dwh_dev, schema: "dev_${user}"}}
    targets: dwh_dev
  prod: {}
"""
SHOP = HEAD + TARGET + "interfaces: {orders: {primary_key: id}}\n"


def both(root: Path, text: str, project: str, env: str | None) -> Project:
    return load_project(lay(root, {"sources/erp/shop.yaml": text, "project.yaml": project}), env)


def test_a_source_exists_where_it_says(tmp_path: Path) -> None:
    text = SHOP + "environment: [prod]\n"

    assert list(both(tmp_path, text, ENVS, "prod").plans) == ["erp.shop.orders"]
    dev = both(tmp_path, text, ENVS, "dev")
    assert (dev.sources, dev.problems) == ((), ())
    with pytest.raises(ConfigError, match=r"erp.shop.orders exists in prod, not in environment 'dev'") as error:
        dev.plan("erp.shop.orders")
    assert error.value.fix == "pass --env prod"
    assert both(tmp_path, text, ENVS, None).sources == ()


def test_the_project_names_the_environment_of_those_who_name_none(tmp_path: Path) -> None:
    project = "environment: dev\n" + ENVS

    assert one(tmp_path, SHOP, project).plan("erp.shop.orders").target.connection == "dwh_dev"
    assert one(tmp_path, SHOP, project, "prod").plan("erp.shop.orders").target.connection == "dwh"
    assert one(tmp_path, SHOP, ENVS).plan("erp.shop.orders").environment == ""


@pytest.mark.parametrize(("name", "part"), [("Zhang.San", "zhang_san"), ("CORP\\li4", "corp_li4"), ("bob", "bob")])
def test_user_is_part_of_a_name(name: str, part: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(environments.USER, name)

    target = one(tmp_path, SHOP, ENVS, "dev").plan("erp.shop.orders").target

    assert (target.schema, target.state_schema) == (f"dev_{part}", f"dev_{part}")


def test_a_user_without_a_name_is_not_made_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(environments.USER, "张三")

    assert ["${user} is nobody" in p.message for p in both(tmp_path, SHOP, ENVS, "dev").problems] == [True]
    assert both(tmp_path, SHOP, ENVS, "prod").problems == ()


def test_state_tables_go_where_the_forced_schema_is(tmp_path: Path) -> None:
    project = "environments: {dev: {force: {target: {schema: mine}}}}\n"
    text = SHOP.replace("schema: ods", "schema: ods, state_schema: sync")

    target = one(tmp_path, text, project, "dev").plan("erp.shop.orders").target

    assert (target.schema, target.state_schema) == ("mine", "mine"), "a run in dev must not move prod's checkpoint"


def test_a_flag_marks_its_source_and_so_writes_there(tmp_path: Path) -> None:
    text = SHOP.replace(
        "{primary_key: id}",
        "{primary_key: id, incremental: {strategy: flag, cursor: s, pending: 0, claimed: 2, done: 1}}",
    )

    told = [p.message for p in both(tmp_path, text, ENVS, "dev").problems if "marks rows" in p.message]

    assert told == ["`strategy: flag` marks rows in 'shop_db', which environment 'dev' may not write"]


_PARTS = ("connection", "schema", "state_schema")
_target = st.dictionaries(st.sampled_from(_PARTS), st.sampled_from(["dwh", "prod", "ods"]), max_size=3)
_own = st.dictionaries(st.sampled_from([*_PARTS, "table"]), st.sampled_from(["dwh", "prod", "ods"]), max_size=4)


@settings(max_examples=150, deadline=None)
@given(_target, _target, _own, _target, _own, st.sets(st.sampled_from(_PARTS), min_size=1), st.booleans())
def test_no_level_escapes_what_is_forced(
    project: dict[str, str], env: dict[str, str], template: dict[str, str], source: dict[str, str],
    interface: dict[str, str], parts: set[str], guarded: bool,
) -> None:  # fmt: skip
    force = {name: f"dev_{name}" for name in parts}
    dev = {
        "defaults": {"target": env},
        "force": {"target": force},
        **({"targets": ["dev_connection"]} if guarded else {}),
    }
    files = {
        "project.yaml": json.dumps({
            "defaults": {"target": project}, "environments": {"dev": dev},
            "templates": {"t": {"target": template, "tags": ["t"]}},
        }),
        "sources/erp/shop.yaml": json.dumps({
            "source": {"type": "postgres", "connection": "c"}, "target": source, "use": "t",
            "interfaces": {"orders": {"primary_key": "id", "target": interface}},
        }),
    }  # fmt: skip
    with TemporaryDirectory() as folder:
        loaded = load_project(lay(Path(folder), files), "dev")

    for plan in loaded.plans.values():
        for name in parts:
            assert getattr(plan.target, name) == f"dev_{name}"
        if "schema" in parts and "state_schema" not in parts:
            assert plan.target.state_schema == "dev_schema"
        if guarded:
            assert plan.target.connection == "dev_connection"
    if "connection" in parts:
        assert loaded.plans
    elif guarded:
        assert loaded.problems, "what is not forced is not among the targets either"


def test_what_is_not_listed_is_not_written_at_run_time_either(tmp_path: Path) -> None:
    from dataclasses import replace

    from sync_provider.core.engine.opening import open_target

    plan = one(tmp_path, SHOP, ENVS, "dev").plan("erp.shop.orders")
    escaped = replace(plan, target=replace(plan.target, connection="dwh"))

    def nothing(id: str) -> object:
        raise AssertionError(f"{id} was looked up")

    with (
        pytest.raises(ConfigError, match=r"environment 'dev' may not write connection 'dwh'"),
        open_target(escaped, nothing),  # type: ignore[arg-type]
    ):
        pass
