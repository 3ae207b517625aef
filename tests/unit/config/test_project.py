"""A config folder → plans: who wins, what is inferred, what stops what."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from sync_provider.core.contracts import BudgetPlan, ColumnType, IncrementPlan, Plan, SchedulePlan
from sync_provider.core.errors import ConfigError
from sync_provider.core.plan import Project, explain, load_project

HEAD = "source: {type: postgres, connection: shop_db}\n"
TARGET = "target: {connection: dwh, schema: ods}\n"
SHOP = HEAD + TARGET + 'schedule: "@hourly"\ninterfaces:\n'

#: root may read every folder; this one may not
_NOBODY = 65534


def lay(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / "config" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root / "config"


def one(root: Path, text: str, project: str = "", env: str | None = None) -> Project:
    files = {"sources/erp/shop.yaml": text} | ({"project.yaml": project} if project else {})
    loaded = load_project(lay(root, files), env)
    assert not loaded.problems, "\n".join(problem.text() for problem in loaded.problems)
    return loaded


def test_ten_lines_make_a_plan(tmp_path: Path) -> None:
    text = SHOP + (
        "  orders:\n    primary_key: id\n    incremental: {cursor: updated_at}\n"
        "    columns: {amt: {to: amount, type: 'decimal(12,2)'}, old: {drop: true}, kind: {expr: \"'shop'\"}}\n"
        "    checks: [{not_null: [id]}, {expr: amount > 0, name: positive, on_fail: warn}]\n"
        "    mask: {phone: {method: hmac, key: mask_key}}\n    max_bad: 1%\n"
    )
    plan = one(tmp_path, text).plan("erp.shop.orders")

    assert (plan.mode, plan.write, plan.primary_key) == ("incremental", "merge", ("id",))
    assert plan.increment == IncrementPlan("timestamp", "updated_at", 300.0)
    assert plan.schedule == SchedulePlan("cron", cron="0 * * * *", origin="source")
    assert (plan.target.connection, plan.target.schema, plan.target.table) == ("dwh", "ods", "orders")
    assert plan.target.state_schema == "ods"
    assert [(c.name, c.to, c.type, c.drop) for c in plan.columns] == [
        ("amt", "amount", ColumnType("decimal", 12, 2, raw="decimal(12,2)"), False),
        ("old", "old", None, True),
        ("kind", "kind", None, False),
    ]
    assert [(c.rule, c.name, c.on_fail) for c in plan.checks] == [
        ("not_null", "", "quarantine"),
        ("expr", "positive", "warn"),
    ]
    assert [(m.column, m.method, m.params) for m in plan.mask] == [("phone", "hmac", {"key": "mask_key"})]
    assert plan.max_bad == BudgetPlan(percent=1.0, min_rows=100)
    assert plan == Plan.from_json(json.loads(json.dumps(plan.to_json())))


def test_both_spellings_of_a_mask_are_one_plan(tmp_path: Path) -> None:
    text = SHOP + "  a: {primary_key: id, mask: {x: {hmac: {key: k}}, y: {method: hmac, key: k}, z: partial}}\n"
    plan = one(tmp_path, text).plan("erp.shop.a")

    assert [(m.method, m.params) for m in plan.mask] == [("hmac", {"key": "k"})] * 2 + [("partial", {})]


PROJECT = """\
version: 1
defaults: {timezone: Asia/Shanghai, retry: {max: 5, delay: 1m}, target: {connection: p, schema: ods}, owner: team}
environments:
  dev:
    defaults: {retry: {max: 4}, tags: [dev]}
    force: {target: {connection: dwh_dev}, schedule: manual}
"""
LEVELS = HEAD + "retry: {delay: 2m}\nschedule: '@daily'\ninterfaces:\n  a: {primary_key: id, retry: {delay: 3m}}\n  b: {primary_key: id, schedule: '@hourly'}\n"  # fmt: skip  # noqa: E501


def test_the_nearest_level_wins_and_maps_merge(tmp_path: Path) -> None:
    project = one(tmp_path, LEVELS, PROJECT)
    a, b = project.plan("erp.shop.a"), project.plan("erp.shop.b")

    assert (a.retry.max, a.retry.delay_s, b.retry.delay_s) == (5, 180.0, 120.0)
    assert (a.schedule.cron, a.schedule.origin, a.schedule.timezone) == ("0 0 * * *", "source", "Asia/Shanghai")
    assert (b.schedule.cron, b.schedule.origin) == ("0 * * * *", "interface")
    assert (a.target.connection, a.owner, a.tags) == ("p", "team", ())


def test_force_beats_everything(tmp_path: Path) -> None:
    project = one(tmp_path, LEVELS, PROJECT, "dev")
    a, b = project.plan("erp.shop.a"), project.plan("erp.shop.b")

    assert {a.target.connection, b.target.connection} == {"dwh_dev"}
    assert {a.schedule.kind, b.schedule.kind} == {"manual"}
    assert {a.schedule.origin, b.schedule.origin} == {"project"}
    assert (a.target.schema, a.retry.max, a.tags, a.environment) == ("ods", 4, ("dev",), "dev")


def test_a_schedule_replaces_as_a_whole(tmp_path: Path) -> None:
    defaults = "version: 1\ndefaults: {schedule: {cron: '0 2 * * *', timezone: Asia/Shanghai}}\n"
    text = HEAD + TARGET + "interfaces:\n  a: {primary_key: id}\n  b: {primary_key: id, schedule: {interval: 15m}}\n"
    project = one(tmp_path, text, defaults)

    assert project.plan("erp.shop.a").schedule.timezone == "Asia/Shanghai"
    assert project.plan("erp.shop.b").schedule == SchedulePlan("interval", interval_s=900.0, origin="interface")


def test_explain_tells_file_line_and_level(tmp_path: Path) -> None:
    rows = {
        key: (value, origin, level)
        for key, value, origin, level in explain(one(tmp_path, LEVELS, PROJECT, "dev"), "erp.shop.a")
    }

    assert rows["retry.delay"] == ("3m", "config/sources/erp/shop.yaml:5", "interface")
    assert rows["retry.max"] == (4, "config/project.yaml:5", "environment")
    assert rows["timezone"] == ("Asia/Shanghai", "config/project.yaml:2", "project")
    assert rows["target.connection"] == ("dwh_dev", "config/project.yaml:6", "environment")
    assert rows["source.connection"] == ("shop_db", "config/sources/erp/shop.yaml:1", "source")
    assert rows["overlap"] == ("wait", "built-in", "builtin")
    assert rows["write"] == ("merge", "config/sources/erp/shop.yaml:5", "inferred")
    assert rows["mode"][0] == "full"


def test_store_and_staging_start_at_the_project_root(tmp_path: Path) -> None:
    plan = one(tmp_path, SHOP + "  a: {primary_key: id}\n").plan("erp.shop.a")
    moved = one(tmp_path, SHOP + "  a: {primary_key: id}\n", "store: sqlite:///x/s.db\nstaging: file:///mnt/p\n").plan(
        "erp.shop.a"
    )

    assert (plan.store, plan.staging) == (f"sqlite:///{tmp_path}/.sync/store.db", f"file://{tmp_path}/.sync/staging")
    assert (moved.store, moved.staging) == (f"sqlite:///{tmp_path}/x/s.db", "file:///mnt/p")


@pytest.mark.parametrize(
    ("written", "staging", "shared"),
    [
        ("file:///mnt/sync", "file:///mnt/sync", False),
        ("{url: file:///mnt/sync, shared: true}", "file:///mnt/sync", True),
        ("{url: /mnt/sync}", "file:///mnt/sync", False),
        ("{shared: true}", "file://{root}/.sync/staging", True),
        ("", "file://{root}/.sync/staging", False),
    ],
)
def test_staging_is_a_url_or_a_url_and_whether_it_is_shared(
    tmp_path: Path, written: str, staging: str, shared: bool
) -> None:
    project = one(tmp_path, SHOP + "  a: {primary_key: id}\n", f"staging: {written}\n")
    plan = project.plan("erp.shop.a")
    assert (plan.staging, plan.shared_files) == (staging.replace("{root}", str(tmp_path)), shared)
    rows = {key: (value, origin) for key, value, origin, _ in explain(project, "erp.shop.a")}
    said = "config/project.yaml:1" if "shared" in written else "built-in"
    assert rows["staging.shared"] == (shared, said)
    assert plan.config_hash == one(tmp_path / "other", SHOP + "  a: {primary_key: id}\n").plan("erp.shop.a").config_hash


def test_a_bucket_is_no_staging_in_the_long_form_either(tmp_path: Path) -> None:
    text = "staging: {url: s3://bucket/p, shared: true}\n"
    project = load_project(
        lay(tmp_path, {"sources/erp/shop.yaml": SHOP + "  a: {primary_key: id}\n", "project.yaml": text})
    )
    told = [problem.one_line() for problem in project.problems]
    assert told == [
        "config/project.yaml:1:16 staging.url: only a folder can hand over files; "
        "fix: write a folder every worker sees: file:///mnt/sync/staging"
    ]


def test_the_hash_tells_what_is_done_not_where(tmp_path: Path) -> None:
    text = SHOP + "  a: {primary_key: id}\n"
    here = one(tmp_path / "here", text).plan("erp.shop.a")
    there = one(tmp_path / "there", "# a comment\n" + text).plan("erp.shop.a")
    other = one(tmp_path / "other", text + "    # same\n  b: {write: append}\n").plan("erp.shop.a")
    changed = one(tmp_path / "changed", text.replace("id}", "[id, n]}")).plan("erp.shop.a")

    titled = one(tmp_path / "titled", text.replace("id}", "id, title: 订单, tags: [a]}")).plan("erp.shop.a")

    assert len({here.config_hash, there.config_hash, other.config_hash, titled.config_hash}) == 1
    assert len(here.config_hash) == 12
    assert changed.config_hash != here.config_hash
    assert replace(here, config_file="", store="", staging="") == replace(there, config_file="", store="", staging="")


def test_only_reads_one_file(tmp_path: Path) -> None:
    good = SHOP + "  a: {primary_key: id}\n"
    config = lay(tmp_path, {"sources/erp/shop.yaml": good, "sources/erp/broken.yaml": "a: [", "sources/x.yaml": ""})
    project = load_project(config, only=("erp", "shop"))

    assert [source.id for source in project.sources] == ["erp.shop"]
    assert project.problems == ()
    assert load_project(config, only=("erp", "nothing")).sources == ()


def test_a_broken_source_keeps_its_names_and_hides_no_other(tmp_path: Path) -> None:
    bad = SHOP + "  a: {primary_key: id}\n  b: {primary_key: id, writ: merge}\n"
    config = lay(tmp_path, {"sources/erp/shop.yaml": bad, "sources/erp/crm.yaml": SHOP + "  z: {primary_key: id}\n"})
    project = load_project(config)
    crm, shop = project.sources

    assert (shop.plans, shop.interfaces, len(shop.problems)) == ((), ("a", "b"), 1)
    assert [plan.id for plan in crm.plans] == ["erp.crm.z"]
    with pytest.raises(ConfigError, match=r"erp.shop.a: its configuration has problems\n.*shop.yaml:6:24"):
        project.plan("erp.shop.a")
    with pytest.raises(ConfigError, match=r"no interface 'erp.crm.y'; did you mean 'erp.crm.z'\?"):
        project.plan("erp.crm.y")


def test_a_mistake_in_another_environment_stops_nothing_here(tmp_path: Path) -> None:
    project = "environments:\n  dev: {forse: {schedule: manual}}\n  prod: {defaults: {owner: ops}}\n"
    config = lay(tmp_path, {"sources/erp/shop.yaml": SHOP + "  a: {primary_key: id}\n", "project.yaml": project})

    assert load_project(config, "prod").plan("erp.shop.a").owner == "ops"
    assert len(load_project(config, "prod").problems) == 1
    assert load_project(config, "dev").sources[0].plans == ()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("sources/stray.yaml", "lies outside of a library's folder"),
        ("sources/erp/crm.yml", "is not read: its name ends in .yml"),
        ("sources/erp/crm", "is not read: its name has no ending"),
        ("sources/erp/crm.YAML", "is not read: its name ends in .YAML"),
        ("sources/erp/crm.yaml.txt", "is not read: its name ends in .yaml.txt"),
        ("sources/erp/deep/crm.yaml", "is a folder inside a library's folder"),
        ("sources/ERP/crm.yaml", "library name 'ERP' cannot be part of an id"),
        ("sources/erp/客户.yaml", "source name '客户' cannot be part of an id"),
    ],
)
def test_files_in_the_wrong_place_are_told(name: str, message: str, tmp_path: Path) -> None:
    project = load_project(lay(tmp_path, {name: SHOP + "  a: {primary_key: id}\n"}))

    assert [problem.message for problem in project.problems] == [message]
    assert project.plans == {}


def test_what_is_no_yaml_is_left_alone(tmp_path: Path) -> None:
    files = {
        "sources/erp/.shop.yaml": "a: [",
        "sources/erp/README.md": "#",
        "sources/erp/shop.yaml~": "",
        "sources/_x/a.yaml": "[",
    }

    assert load_project(lay(tmp_path, files)).problems == ()


def test_no_folder_at_all(tmp_path: Path) -> None:
    (problem,) = load_project(tmp_path / "config").problems
    (tmp_path / "config").mkdir()
    (inner,) = load_project(tmp_path / "config").problems

    assert problem.one_line().startswith("config:1:1: there is no such folder; fix: create config/sources/")
    assert inner.one_line().startswith("config/sources:1:1: there is no such folder; fix: create config/sources/")


def test_a_library_that_may_not_be_read_does_not_hide_the_others() -> None:
    with TemporaryDirectory() as folder:  # not below tmp_path, which nobody but its owner may enter
        Path(folder).chmod(0o755)
        files = {f"sources/{name}/shop.yaml": SHOP + "  a: {primary_key: id}\n" for name in ("crm", "erp")}
        config = lay(Path(folder), files)
        load_project(config)  # all imports are done while we may read everything
        (config / "sources/crm").chmod(0)
        root = os.geteuid() == 0
        try:
            if root:
                os.seteuid(_NOBODY)
            project = load_project(config)
        finally:
            if root:
                os.seteuid(0)
            (config / "sources/crm").chmod(0o755)

    assert [problem.message for problem in project.problems] == ["cannot be read: Permission denied"]
    assert list(project.plans) == ["erp.shop.a"]


def test_an_interface_that_is_asked_for_in_the_wrong_folder(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no interface 'erp.shop.a'\nconfig:1:1: there is no such folder"):
        load_project(tmp_path / "config").plan("erp.shop.a")


def test_the_folder_one_stands_in_has_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(lay(tmp_path, {"sources/erp/shop.yaml": "a: ["}))

    assert [problem.file for problem in load_project(Path(".")).problems] == ["config/sources/erp/shop.yaml"]


def test_two_interfaces_may_share_a_table_with_a_warning(tmp_path: Path) -> None:
    text = SHOP + "  a: {primary_key: id, target: {table: t}}\n  b: {primary_key: id, target: {table: t}}\n"
    project = one(tmp_path, text)

    assert [w.message for w in project.warnings] == ["erp.shop.a writes ods.t in 'dwh' too"]
    assert (project.warnings[0].line, project.warnings[0].column) == (6, 33)
    assert len(project.plans) == 2


@pytest.mark.parametrize("increment", ["", "incremental: {cursor: at}, ", "incremental: {cursor: at, lag: 0s}, "])
def test_who_appends_may_not_share_a_table(tmp_path: Path, increment: str) -> None:
    append = f"  a: {{write: append, {increment}target: {{table: t}}}}\n"
    merge = "  b: {primary_key: id, target: {table: t}}\n"
    files = {"sources/erp/one.yaml": SHOP + append, "sources/erp/two.yaml": SHOP + merge}
    one, two = load_project(lay(tmp_path, files)).sources

    assert (len(one.plans), len(two.plans)) == (1, 0)
    assert "appended rows cannot be told apart" in two.problems[0].message


@pytest.mark.parametrize("lag", ["", ", lag: 0s"])
def test_a_cursor_that_does_not_arrive_cannot_be_appended(tmp_path: Path, lag: str) -> None:
    line = f"  a: {{write: append, incremental: {{cursor: at{lag}}}, columns: {{at: {{drop: true}}}}}}\n"
    told = load_project(lay(tmp_path, {"sources/erp/s.yaml": SHOP + line})).problems

    assert [problem.path for problem in told] == ["interfaces.a.incremental.cursor"]


def test_a_null_interface_inherits_everything(tmp_path: Path) -> None:
    defaults = "defaults: {execution: fused}\n"
    (problem,) = load_project(
        lay(tmp_path, {"sources/erp/shop.yaml": SHOP + "  a:\n", "project.yaml": defaults})
    ).problems

    assert problem.message == "says neither `primary_key:` nor `write:`"


OWN = """\
class Rule:
    word = "even"
    def parse(self, params):
        raise KeyError(params)
RULE = Rule()
SOURCE = 5
"""


def test_plugins_by_dotted_name_and_broken_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "words.py").write_text(OWN)
    (tmp_path / "own" / "broken.py").write_text("def (:\n")
    monkeypatch.syspath_prepend(tmp_path)
    checks = "checks: [{'own.words:RULE': x}, {'own.broken:RULE': x}, {'own.none:RULE': x}]"
    files = {
        "sources/erp/shop.yaml": SHOP + f"  a:\n    primary_key: id\n    {checks}\n",
        "sources/erp/two.yaml": "source: {type: 'own.words:SOURCE'}\n" + TARGET + "interfaces: {a: }\n",
    }
    told = [problem.message for problem in load_project(lay(tmp_path, files)).problems]

    assert told[0] == "rule 'own.words:RULE' cannot read these parameters (KeyError: 'x')"
    assert told[1].startswith("rule 'own.broken:RULE' cannot be imported: SyntaxError")
    assert told[2].startswith("rule 'own.none:RULE' cannot be imported from own.none:RULE")
    assert told[3] == "'own.words:SOURCE' is not a source type"
