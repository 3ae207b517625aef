"""A source that is broken runs on as it was when it was good: where that is kept, who reads it, when it must not."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from airflow.sdk.exceptions import AirflowFailException
from airflow.serialization.serialized_objects import DagSerialization

from sync_provider.core.contracts import ConnectionInfo
from sync_provider.core.plan.last_good import FORMAT
from sync_provider.core.store import database
from sync_provider.dag_factory import build_dags
from sync_provider.operators.keeping import keep_last_good
from tests.services.connections import airflow_conn

Project = Callable[..., Path]
GOOD = """\
title: 商城
source: {type: sqlite, connection: shop_db}
target: {connection: dwh, schema: ods}
schedule: "@hourly"
interfaces:
  orders: {primary_key: id, incremental: {cursor: updated_at}}
  items: {primary_key: id, schedule: {interval: 15m}}
"""
BROKEN = GOOD.replace("primary_key: id, incre", "primry_key: id, incre")
ERROR = "config/sources/erp/shop.yaml:6:12 interfaces.orders.primry_key: unknown key; did you mean 'primary_key'?"
FILE = "sources/erp/shop.yaml"


def as_task(monkeypatch: pytest.MonkeyPatch, dag_id: str, task_id: str) -> None:
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", dag_id)
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_TASK_ID", task_id)


def copy_of(config: Path, environment: str = "default") -> Path:
    return config.parent / ".sync/last_good" / environment / "erp/shop.json"


def stored(dag: Any) -> dict[str, Any]:
    """What Airflow keeps of a DAG, without what tells people of the mistake."""
    data = json.loads(json.dumps(DagSerialization.to_dict(dag)["dag"]))
    for key in ("tags", "doc_md", "dag_display_name", "fileloc", "relative_fileloc", "task_group"):
        data.pop(key, None)
    return dict(data)


def broken(project: Project) -> tuple[Path, dict[str, Any], dict[str, Any]]:
    """A source that was good and is broken: its folder, its DAGs then, and its DAGs now."""
    config = project({FILE: GOOD})
    before = build_dags(config)
    project({FILE: BROKEN})
    return config, before, build_dags(config)


def test_a_broken_source_keeps_its_dags_and_says_where_the_mistake_is(project: Project) -> None:
    _, before, after = broken(project)
    assert sorted(after) == sorted(before) == ["erp.shop", "erp.shop.items"]
    assert {name: stored(dag) for name, dag in after.items()} == {name: stored(dag) for name, dag in before.items()}
    dag = after["erp.shop"]
    assert "config-error" in dag.tags
    assert dag.dag_display_name == "商城 · config error"
    top, _, first, *_ = dag.doc_md.splitlines()
    assert top.startswith("**The configuration is broken; its last good version, of 20")
    assert first.startswith("- `config/sources/erp/shop.yaml:6:12` interfaces.orders.primry\\_key: unknown key")
    assert dag.task_group.children["orders"].tooltip.startswith(f"last good version; {ERROR}")
    assert "| `orders` | ods.orders | incremental by updated_at, merge |" in dag.doc_md


def test_a_mended_source_is_as_if_nothing_had_been(project: Project) -> None:
    config, before, _ = broken(project)
    project({FILE: GOOD})
    again = build_dags(config)
    assert {n: DagSerialization.to_dict(d) for n, d in again.items()} == {
        n: DagSerialization.to_dict(d) for n, d in before.items()
    }


def test_a_task_runs_the_plan_the_dag_processor_sees(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    config, before, after = broken(project)
    as_task(monkeypatch, "erp.shop", "orders.load")
    mine = build_dags(config)
    assert list(mine) == ["erp.shop"]
    plans = [dags["erp.shop"].task_dict["orders.load"].plan for dags in (before, after, mine)]
    assert plans[0] == plans[1] == plans[2]


@pytest.mark.parametrize("line", ["title: 仓库", "owner: ops", "tags: [late]", "alerts: [{notifier: a.b.C}]"])
def test_what_only_people_notice_is_kept_too(project: Project, line: str) -> None:
    config = project({FILE: GOOD})
    build_dags(config)
    first = copy_of(config).read_text(encoding="utf-8")
    project({FILE: "".join(row for row in GOOD.splitlines(keepends=True) if not row.startswith("title")) + line + "\n"})
    build_dags(config)
    assert copy_of(config).read_text(encoding="utf-8").splitlines()[0] != first.splitlines()[0]


def test_an_unchanged_source_is_kept_once_and_a_task_keeps_nothing(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = project({FILE: GOOD})
    with monkeypatch.context() as task:
        as_task(task, "erp.shop", "orders.load")
        build_dags(config)
        assert not copy_of(config).exists()
    build_dags(config)
    first = copy_of(config).stat()
    build_dags(config)
    assert copy_of(config).stat().st_mtime_ns == first.st_mtime_ns
    project({FILE: GOOD.replace("updated_at", "changed_at")})
    build_dags(config)
    assert "changed_at" in copy_of(config).read_text()
    assert os.listdir(copy_of(config).parent) == ["shop.json"]


def test_what_is_deleted_is_gone(project: Project) -> None:
    config = project({FILE: GOOD, "sources/erp/crm.yaml": GOOD.replace("ods", "crm")})
    assert "erp.shop" in build_dags(config)
    (config / FILE).unlink()
    assert sorted(build_dags(config)) == ["erp.crm", "erp.crm.items"]
    assert not copy_of(config).exists()
    project({FILE: BROKEN})
    assert list(build_dags(config)["erp.shop"].task_dict) == ["read_config"]


def test_an_interface_that_a_good_file_leaves_out_is_gone_for_good(project: Project) -> None:
    config = project({FILE: GOOD})
    build_dags(config)
    project({FILE: "\n".join(GOOD.splitlines()[:-1])})
    build_dags(config)
    project({FILE: BROKEN})
    assert list(build_dags(config)) == ["erp.shop"]


@pytest.mark.parametrize("damage", ["cut", "format", "digest", "other", "nonsense"])
def test_a_copy_that_cannot_be_trusted_is_not_used(project: Project, damage: str) -> None:
    config = project({FILE: GOOD})
    build_dags(config)
    kept = copy_of(config)
    text = kept.read_text()
    kept.write_text({
        "cut": text[: len(text) // 2],
        "format": text.replace(f'"format":{FORMAT}', '"format":99', 1),
        "digest": text.replace('"digest":"', '"digest":"0', 1),
        "other": text.replace('"source":"erp.shop"', '"source":"erp.crm"', 1),
        "nonsense": "{}\n{}\n",
    }[damage])  # fmt: skip
    project({FILE: BROKEN})
    assert list(build_dags(config)["erp.shop"].task_dict) == ["read_config"]


def test_a_project_that_cannot_be_written_is_parsed_all_the_same(project: Project) -> None:
    config = project({FILE: GOOD})
    (config.parent / ".sync").write_text("in the way")
    assert sorted(build_dags(config)) == ["erp.shop", "erp.shop.items"]
    project({FILE: BROKEN})
    assert list(build_dags(config)["erp.shop"].task_dict) == ["read_config"]


def test_where_the_copies_are_can_be_said(project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AIRFLOW__SYNC__LAST_GOOD_DIR", str(tmp_path / "elsewhere"))
    config, _, after = broken(project)
    assert "orders.load" in after["erp.shop"].task_dict
    assert not (config.parent / ".sync").exists()


def test_a_broken_project_file_stops_no_source(project: Project) -> None:
    config = project({FILE: GOOD, "project.yaml": "store: sqlite:///.sync/s.db\n"})
    build_dags(config)
    project({"project.yaml": "stoer: x\n"})
    dags = build_dags(config)
    assert sorted(dags) == ["erp.shop", "erp.shop.items", "sync_config"]
    plan = dags["erp.shop"].task_dict["orders.load"].plan
    assert plan.store.endswith("/.sync/s.db")
    assert "config/project.yaml:1:1" in dags["erp.shop"].doc_md


def test_what_the_environment_forces_now_beats_a_version_of_before(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__SYNC__ENVIRONMENT", "dev")
    config = project({FILE: GOOD, "project.yaml": "environments: {dev: {force: {owner: one}}}\n"})
    build_dags(config)
    assert copy_of(config, "dev").exists()
    project({FILE: BROKEN, "project.yaml": "environments: {dev: {force: {owner: two}}}\n"})
    dag = build_dags(config)["erp.shop"]
    assert list(dag.task_dict) == ["read_config"]
    assert "older than what \\`force:\\` in project.yaml says" in dag.doc_md


def test_a_table_that_another_source_has_taken_over_is_not_written_by_an_old_version(project: Project) -> None:
    config, _, _ = broken(project)
    project({"sources/erp/shop2.yaml": GOOD})
    dags = build_dags(config)
    assert "writes the table 'orders' that erp.shop2.orders has now" in dags["erp.shop"].doc_md.replace("\\", "")
    assert "orders.load" in dags["erp.shop2"].task_dict


def test_two_right_files_that_clash_get_no_old_version_as_their_tasks_would_read_the_new_one(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = GOOD.replace("primary_key: id", "write: append")
    config = project({FILE: text, "sources/erp/shop2.yaml": text.replace("ods", "ods2")})
    build_dags(config)
    project({"sources/erp/shop2.yaml": text})
    assert list(build_dags(config)["erp.shop2"].task_dict) == ["read_config"]
    as_task(monkeypatch, "erp.shop2", "read_config")
    with pytest.raises(AirflowFailException, match="this file by itself is right"):
        build_dags(config)["erp.shop2"].task_dict["read_config"].execute({})


def test_a_task_on_a_machine_without_a_copy_says_what_is_missing(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, _, _ = broken(project)
    monkeypatch.setenv("AIRFLOW__SYNC__LAST_GOOD_DIR", str(config / "another_machine"))
    for dag_id, task_id in (("erp.shop", "orders.load"), ("erp.shop.items", "items.check")):
        as_task(monkeypatch, dag_id, task_id)
        task = build_dags(config)[dag_id].task_dict[task_id]
        with pytest.raises(AirflowFailException, match=r"shop\.yaml:6:12"):
            task.execute({})
        assert "this machine has no copy of that" in task.messages[-1]


def test_the_store_hands_the_version_to_workers_that_cannot_see_the_folder(
    project: Project, monkeypatch: pytest.MonkeyPatch, postgres: ConnectionInfo, tmp_path: Path
) -> None:
    monkeypatch.setenv(*airflow_conn(postgres))
    engine = database.open_store(postgres.id, lambda _: postgres)
    database.upgrade(engine)
    project({"project.yaml": f"store: {postgres.id}\n"})
    config, before, _ = broken(project)
    rows = sa.text("SELECT source, environment FROM sync_last_good")
    with engine.connect() as connection:
        assert list(connection.execute(rows)) == [("erp.shop", "")]
    engine.dispose()
    monkeypatch.setenv("AIRFLOW__SYNC__LAST_GOOD_DIR", str(tmp_path / "another machine"))
    as_task(monkeypatch, "erp.shop", "orders.load")
    mine = build_dags(config)["erp.shop"].task_dict["orders.load"].plan
    assert mine == before["erp.shop"].task_dict["orders.load"].plan
    assert not (tmp_path / "another machine").exists()


def test_a_run_that_went_well_keeps_the_version_in_the_store_and_an_old_run_does_not(
    project: Project, monkeypatch: pytest.MonkeyPatch, postgres: ConnectionInfo, tmp_path: Path
) -> None:
    monkeypatch.setenv(*airflow_conn(postgres))
    engine = database.open_store(postgres.id, lambda _: postgres)
    database.upgrade(engine)
    config = project({FILE: GOOD, "project.yaml": f"store: {postgres.id}\n"})
    plan = build_dags(config)["erp.shop"].task_dict["orders.load"].plan

    def ends(year: int) -> str:
        run = SimpleNamespace(run_after=datetime(year, 1, 1, tzinfo=timezone.utc))
        keep_last_good(plan, {"dag_run": run}, lambda _: postgres)  # type: ignore[typeddict-item]
        with engine.connect() as connection:
            return str(connection.execute(sa.text("SELECT content FROM sync_last_good")).scalar())

    assert "updated_at" in ends(2026)
    project({FILE: GOOD.replace("updated_at", "changed_at")})
    assert "updated_at" in ends(2025)
    newest = ends(2027)
    assert "changed_at" in newest
    project({FILE: BROKEN})
    assert ends(2028) == newest
    engine.dispose()
    monkeypatch.setenv("AIRFLOW__SYNC__LAST_GOOD_DIR", str(tmp_path / "a new machine"))
    dag = build_dags(config)["erp.shop"]
    assert "of 2027-01-01T00:00:00Z" in dag.doc_md
    assert dag.task_dict["orders.load"].plan.increment.cursor == "changed_at"


def test_a_store_that_does_not_answer_holds_nobody_up(
    project: Project, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_NOWHERE", "postgres://sync:hidden@127.0.0.1:1/none")
    project({"project.yaml": "store: nowhere\n", "sources/erp/crm.yaml": BROKEN.replace("ods", "crm")})
    _, before, after = broken(project)
    assert stored(after["erp.shop"]) == stored(before["erp.shop"])
    assert list(after["erp.crm"].task_dict) == ["read_config"]
    assert caplog.text.count("the store has no answer") == 2  # one each parse
    assert "hidden" not in caplog.text


def test_a_good_project_asks_no_store(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "open_store", lambda *_: pytest.fail("asked the store"))
    config = project({FILE: GOOD, "project.yaml": "store: nowhere\n"})
    assert "orders.load" in build_dags(config)["erp.shop"].task_dict


def test_a_title_may_hold_what_other_systems_end_lines_with(project: Project) -> None:
    odd = GOOD.replace("title: 商城", 'title: "a\\u2028b\\u0085c"')
    assert odd != GOOD
    config = project({FILE: odd})
    before = build_dags(config)
    project({FILE: odd.replace("primary_key: id, incre", "primry_key: id, incre")})
    after = build_dags(config)
    assert {name: stored(dag) for name, dag in after.items()} == {name: stored(dag) for name, dag in before.items()}
