"""YAML → DAGs: ids, schedules, names, the form, what Airflow stores, and that one broken file harms no other."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import CronDataIntervalTimetable, DeltaDataIntervalTimetable, TriggerRule
from airflow.sdk.exceptions import AirflowFailException
from airflow.serialization.serialized_objects import DagSerialization

from sync_provider.dag_factory import build_dags
from sync_provider.timetables.once import OncePerVersion

Project = Callable[..., Path]
STAGES = ["check", "extract", "transform", "quality", "load", "report"]

SHOP = """\
title: 商城
owner: data-team
tags: [core]
source: {type: sqlite, connection: shop_db}
target: {connection: dwh, schema: ods}
schedule: {cron: "5 * * * *", timezone: Asia/Shanghai}
retry: {max: 3, delay: 1m, max_delay: 20m, errors: [connection]}
timeout: 30m
interfaces:
  orders:
    title: 订单
    primary_key: id
    incremental: {cursor: updated_at}
  items:
    schedule: {interval: 15m}
    primary_key: id
  stock:
    write: append
    execution: fused
  archive:
    write: append
    schedule: manual
    enabled: false
"""


def shop(project: Project, **files: str) -> dict[str, Any]:
    more = {f"sources/erp/{name}.yaml": text for name, text in files.items()}
    return build_dags(project({"sources/erp/shop.yaml": SHOP, **more}))


def test_a_source_is_a_dag_and_an_interface_with_its_own_schedule_another(project: Project) -> None:
    dags = shop(project)
    assert sorted(dags) == ["erp.shop", "erp.shop.archive", "erp.shop.items"]
    groups = {dag_id: list(dag.task_group.children) for dag_id, dag in dags.items()}
    assert groups == {"erp.shop": ["orders", "stock"], "erp.shop.items": ["items"], "erp.shop.archive": ["archive"]}
    assert [task.task_id for task in dags["erp.shop.items"].topological_sort()] == [f"items.{s}" for s in STAGES]
    assert "stock.sync" in dags["erp.shop"].task_dict


def test_schedules_become_data_interval_timetables_with_a_fixed_start(project: Project) -> None:
    dags = shop(project)
    assert dags["erp.shop"].timetable == CronDataIntervalTimetable("5 * * * *", timezone="Asia/Shanghai")
    assert dags["erp.shop.items"].timetable == DeltaDataIntervalTimetable(timedelta(minutes=15))
    assert dags["erp.shop.archive"].schedule is None
    assert dags["erp.shop"].start_date == datetime(2023, 12, 31, 16, tzinfo=timezone.utc)  # midnight in Shanghai
    assert [dag.catchup for dag in dags.values()] == [False, False, False]
    assert {dag.max_active_runs for dag in dags.values()} == {1}


def test_a_start_and_catchup_are_taken_as_written(project: Project) -> None:
    text = SHOP.replace("Asia/Shanghai}", 'Asia/Shanghai, start: "2026-11-01T00:00:00Z"}\noverlap: skip')
    text = text.replace("  orders:\n", "  orders:\n    catchup: true\n")
    dag = build_dags(project({"sources/erp/shop.yaml": text}))["erp.shop.orders"]
    assert (dag.start_date, dag.catchup) == (datetime(2026, 11, 1, tzinfo=timezone.utc), True)
    assert dag.max_active_runs == 4


def test_catchup_without_a_first_day_is_refused_as_every_interval_since_the_anchor_would_run(project: Project) -> None:
    dag = shop(project, crm=SHOP + "catchup: true\n")["erp.crm"]
    with pytest.raises(AirflowFailException, match="has no first day to catch up from"):
        dag.task_dict["read_config"].execute({})


def test_once_runs_once(project: Project) -> None:
    text = SHOP.replace('schedule: {cron: "5 * * * *", timezone: Asia/Shanghai}', "schedule: once")
    first = build_dags(project({"sources/erp/shop.yaml": text}))["erp.shop"].timetable
    again = build_dags(project({"sources/erp/shop.yaml": text}))["erp.shop"].timetable
    other = build_dags(project({"sources/erp/shop.yaml": text.replace("updated_at", "id")}))["erp.shop"].timetable
    assert isinstance(first, OncePerVersion)
    assert first == again != other, "once per version of the configuration"


def test_a_disabled_source_keeps_its_dag_and_loses_its_schedule(project: Project) -> None:
    dag = build_dags(project({"sources/erp/shop.yaml": SHOP + "enabled: false\n"}))["erp.shop"]
    assert dag.schedule is None
    assert "disabled" in dag.tags


def test_people_read_business_names_and_plain_stages(project: Project) -> None:
    dags = shop(project)
    assert {dag_id: dag.dag_display_name for dag_id, dag in dags.items()} == {
        "erp.shop": "商城",
        "erp.shop.items": "商城 · items",
        "erp.shop.archive": "商城 · archive",
    }
    orders = dags["erp.shop"].task_group.children["orders"]
    assert orders.group_display_name == "订单"
    assert orders.tooltip == "sqlite orders → ods.orders · incremental by updated_at, merge"
    assert dags["erp.shop"].tags == {"core", "erp", "source:shop", "type:sqlite", "batch"}
    assert "disabled" in dags["erp.shop.archive"].tags
    assert dags["erp.shop.archive"].task_group.children["archive"].tooltip.endswith("full, append · disabled")
    assert {task.owner for task in dags["erp.shop"].tasks} == {"data-team"}


def test_the_page_of_documentation_names_what_other_pages_call_by_id(project: Project) -> None:
    dags = shop(project, odd=SHOP.replace("title: 订单", "title: a|b*c").replace("ods", "odd"))
    page = dags["erp.shop"].doc_md.splitlines()
    assert page[0] == (
        "**商城** (`erp.shop`): sqlite through connection `shop_db`, owner data-team, `5 * * * *` in Asia/Shanghai"
    )
    assert "| 订单 `orders` | ods.orders | incremental by updated_at, merge |" in page
    assert "| `stock` | ods.stock | full, append |" in page
    assert page[-1].startswith("`config/sources/erp/shop.yaml`, version ")
    assert "every 0:15:00" in dags["erp.shop.items"].doc_md
    assert "| `archive` | ods.archive | full, append; disabled |" in dags["erp.shop.archive"].doc_md
    assert r"| a\|b\*c `orders` |" in dags["erp.odd"].doc_md


def test_the_placeholder_lists_problems_without_blocks_of_code_and_names_the_source(project: Project) -> None:
    broken = build_dags(project({"sources/erp/crm.yaml": SHOP.replace("  stock:\n    write: append", "  stock:")}))
    crm = broken["erp.crm"]
    assert crm.dag_display_name == "商城 · config error"
    assert crm.doc_md.splitlines()[2:] == [
        "- `config/sources/erp/crm.yaml:17:3` interfaces.stock: says neither \\`primary\\_key:\\` nor \\`write:\\`; "
        "fix: add \\`primary\\_key: \\[\\<columns\\>\\]\\` (rows are merged by it) or \\`write: append\\` "
        "(rows are only added)"
    ]


def test_the_form_offers_the_interfaces_and_refuses_others(project: Project) -> None:
    dags = shop(project)
    fields = dags["erp.shop"].params
    assert sorted(fields) == ["full", "interfaces", "since", "until"]
    form = fields.get_param("interfaces")
    assert form.schema["values_display"] == {"orders": "订单 · orders", "stock": "stock"}
    assert form.resolve(["stock"]) == ["stock"]
    with pytest.raises(ValueError, match="ordrs"):
        form.resolve(["ordrs"])
    assert sorted(dags["erp.shop.items"].params) == ["full", "since", "until"]


def test_the_form_takes_keys_where_a_cursor_is_one(project: Project) -> None:
    """A field of times is a calendar, into which no key can be written."""
    by_key = SHOP.replace("  items:\n", "  items:\n    incremental: {strategy: key, cursor: id}\n")
    dags = build_dags(project({"sources/erp/shop.yaml": by_key}))
    form = {dag_id: dags[dag_id].params.get_param("since") for dag_id in ("erp.shop", "erp.shop.items")}
    assert form["erp.shop"].schema["format"] == "date-time"
    assert "format" not in form["erp.shop.items"].schema
    assert "A key" in str(form["erp.shop.items"].description)


def test_retries_timeout_and_trigger_rules_reach_the_tasks(project: Project) -> None:
    task = shop(project)["erp.shop"].task_dict["orders.load"]
    assert (task.retries, task.retry_delay, task.max_retry_delay) == (3, timedelta(minutes=1), timedelta(minutes=20))
    assert task.retry_exponential_backoff == 2.0
    assert task.execution_timeout == timedelta(minutes=30)
    assert task.retry_policy.plan.errors == ("connection",)
    assert (task.priority_weight, task.weight_rule) == (1, "absolute")
    rules = {task.task_id: task.trigger_rule for task in shop(project)["erp.shop"].tasks}
    assert rules.pop("orders.report") is TriggerRule.NONE_SKIPPED
    assert set(rules.values()) == {TriggerRule.ALL_SUCCESS}


def test_a_pool_is_used_only_once_init_made_it(project: Project) -> None:
    config = project({"sources/erp/shop.yaml": SHOP + "limits: {source: 2}\n"})
    pools = {task.task_id: task.pool for task in build_dags(config)["erp.shop"].tasks}
    assert set(pools.values()) == {"default_pool"}
    note = config.parent / ".sync" / "pools.json"
    note.write_text('["sync.erp.shop"]')
    pools = {task.task_id: task.pool for task in build_dags(config)["erp.shop"].tasks}
    assert {task for task, pool in pools.items() if pool == "sync.erp.shop"} == {
        "orders.check", "orders.extract", "stock.sync",
    }  # fmt: skip


def test_what_airflow_stores_is_stable_small_and_without_configuration(project: Project) -> None:
    one = {dag_id: DagSerialization.to_dict(dag) for dag_id, dag in shop(project).items()}
    two = {dag_id: DagSerialization.to_dict(dag) for dag_id, dag in shop(project).items()}
    assert json.dumps(one, sort_keys=True) == json.dumps(two, sort_keys=True)
    text = json.dumps(one["erp.shop.items"])
    assert len(text) < 6000
    assert '"plan"' not in text
    back = DagSerialization.from_dict(one["erp.shop"])
    assert sorted(back.task_dict) == sorted(shop(project)["erp.shop"].task_dict)
    assert back.get_task("orders.check").has_retry_policy


def test_a_changed_plan_is_a_new_version_of_the_dag(project: Project) -> None:
    before = shop(project)["erp.shop"].doc_md
    after = build_dags(project({"sources/erp/shop.yaml": SHOP.replace("updated_at", "changed_at")}))["erp.shop"].doc_md
    assert before.rpartition("version")[2] != after.rpartition("version")[2]


def test_a_broken_file_becomes_a_dag_that_says_so_and_harms_no_other(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = SHOP.replace("primary_key", "primry_key").replace("cron:", "corn:")
    dags = shop(project, crm=broken)
    assert sorted(dags) == ["erp.crm", "erp.shop", "erp.shop.archive", "erp.shop.items"]
    crm = dags["erp.crm"]
    assert "config-error" in crm.tags
    assert crm.dag_display_name == "erp.crm · config error"
    with pytest.raises(AirflowFailException) as failure:
        crm.task_dict["read_config"].execute({})
    assert str(failure.value) == (
        "config/sources/erp/crm.yaml:6:12 schedule.corn: unknown key; did you mean 'cron'? (and 2 more)"
    )
    told = capsys.readouterr().out
    assert "config/sources/erp/crm.yaml:12:5 interfaces.orders.primry_key: unknown key" in told
    assert "did you mean 'primary_key'?\n    12 |     primry_key: id\n       |     ^" in told
    DagSerialization.from_dict(DagSerialization.to_dict(crm))


def test_what_only_airflow_refuses_is_caught_per_source(project: Project) -> None:
    dags = shop(project, crm=SHOP.replace("core", "x" * 101).replace("ods", "crm"))
    assert "config-error" in dags["erp.crm"].tags
    with pytest.raises(AirflowFailException, match=r"erp/crm\.yaml:1:1: ValueError: tag cannot be longer than 100"):
        dags["erp.crm"].task_dict["read_config"].execute({})
    assert "orders.check" in dags["erp.shop"].task_dict


def test_a_task_reads_only_the_file_of_its_own_source(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    config = project({f"sources/erp/s{n}.yaml": SHOP for n in range(20)})
    read: list[str] = []

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and watching and str(arguments[0]).endswith(".yaml"):
            read.append(Path(str(arguments[0])).name)

    watching = True
    sys.addaudithook(watch)
    try:
        monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "erp.s7.items")
        assert list(build_dags(config)) == ["erp.s7.items"]
        assert read == ["s7.yaml"]
        monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "somebody_elses_dag")
        assert build_dags(config) == {}
        assert read == ["s7.yaml"]
    finally:
        watching = False


def test_the_parser_loads_no_engine(project: Project) -> None:
    config = project({"sources/erp/shop.yaml": SHOP + "    checks:\n      - not_null: [id]\n"})
    code = (
        "import sys, pathlib; from sync_provider.dag_factory import build_dags;"
        f"dags = build_dags(pathlib.Path({str(config)!r}));"
        "assert 'config-error' not in dags['erp.shop'].tags, dags['erp.shop'].doc_md;"
        "print(sorted({'polars', 'pyarrow', 'asyncpg', 'pgpq', 'sqlglot'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().splitlines()[-1] == "[]"


def test_a_rule_of_ones_own_is_found_in_the_projects_plugins(project: Project) -> None:
    text = SHOP + "    checks:\n      - house_rules.RULE: [id]\n"
    config = project({"sources/erp/shop.yaml": text})
    folder = config.parent / "plugins"
    folder.mkdir()
    (folder / "house_rules.py").write_text(
        "from sync_provider.core.contracts import RuleCase\n"
        "class Own:\n    word = 'own'\n"
        "    def parse(self, params): return [RuleCase((name,), None, 'is odd') for name in params]\n"
        "RULE = Own()\n"
    )
    assert "config-error" not in build_dags(config)["erp.shop"].tags


def test_where_the_yaml_is_can_be_said_in_airflows_configuration(
    project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = project({"sources/erp/shop.yaml": SHOP, "project.yaml": "environments:\n  dev: {force: {owner: dev}}\n"})
    monkeypatch.setenv("AIRFLOW__SYNC__CONFIG_DIR", str(config))
    monkeypatch.setenv("AIRFLOW__SYNC__ENVIRONMENT", "dev")
    dag = build_dags(tmp_path / "nowhere")["erp.shop"]
    assert {task.owner for task in dag.tasks} == {"dev"}
