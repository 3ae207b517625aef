"""With an executor whose workers are other machines, nothing starts that keeps its files on one of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from sync_provider.core.errors import ConfigError
from sync_provider.dag_factory import build_dags

YAML = """\
source: {type: file, path: {inbox}}
target: {connection: dwh}
interfaces:
  orders: {files: "*.csv", primary_key: id}
  fused: {files: "*.csv", primary_key: id, execution: fused}
"""
SHARED = "staging: {url: {staging}, shared: true}\n"


@pytest.fixture
def tasks(project: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """A function that builds the DAG of a CSV source and returns its tasks."""
    (tmp_path / "inbox").mkdir()
    (tmp_path / "inbox/1.csv").write_text("id\n1\n")

    def build(text: str = "", target: str = "sqlite") -> Any:
        connection = {"conn_type": target, "host": str(tmp_path / "dwh.db")}
        monkeypatch.setenv("AIRFLOW_CONN_DWH", json.dumps(connection))
        files = {"sources/lib/src.yaml": YAML.replace("{inbox}", str(tmp_path / "inbox"))}
        files["project.yaml"] = text.replace("{staging}", f"file://{tmp_path}/staging")
        return build_dags(project(files))["lib.src"].task_dict

    return build


def refusal(task: Any, context: Any) -> str:
    with pytest.raises(ConfigError) as refused:
        task.execute(context)
    return str(refused.value)


DISTRIBUTED = {
    "CeleryExecutor": "CeleryExecutor",
    "KubernetesExecutor": "KubernetesExecutor",
    "airflow.providers.edge3.executors.EdgeExecutor": "EdgeExecutor",
    "big:my.company.FargateExecutor,LocalExecutor": "FargateExecutor",
    "LocalExecutor;team1=CeleryExecutor": "CeleryExecutor",
}


@pytest.mark.parametrize("executor", DISTRIBUTED)
def test_a_run_is_refused_before_anything_is_done(
    tasks: Any, run: Any, executor: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", executor)
    check = tasks()["orders.check"]
    assert refusal(check, run().context("orders.check")) == (
        f"interface 'lib.src.orders': staging file://{tmp_path}/.sync/staging, "
        f"store sqlite:///{tmp_path}/.sync/store.db, the SQLite target 'dwh' may be on the disk of one worker, "
        f"and {DISTRIBUTED[executor]} runs tasks on several"
    )
    said = capsys.readouterr().out
    assert "fix: mount one folder on every worker and write `staging: {url: file:///" in said
    assert "/.sync/staging, shared: true}` in project.yaml" in said
    assert not (tmp_path / "dwh.db").exists()


@pytest.mark.parametrize("executor", ["LocalExecutor", "near:LocalExecutor,CeleryExecutor", "SequentialExecutor"])
def test_one_machine_needs_no_shared_folder(
    tasks: Any, run: Any, executor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", executor)
    assert run().run(tasks()["orders.check"])["interface"] == "lib.src.orders"


def test_a_pod_knows_that_it_is_one_whatever_its_configuration_says(
    tasks: Any, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "LocalExecutor")
    monkeypatch.setenv("AIRFLOW_IS_K8S_EXECUTOR_POD", "True")
    assert "KubernetesExecutor" in refusal(tasks()["orders.check"], run().context("orders.check"))


def test_what_project_yaml_calls_shared_runs(tasks: Any, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "CeleryExecutor")
    assert run().run(tasks(SHARED)["orders.check"])["interface"] == "lib.src.orders"
    assert run().run(tasks(SHARED)["fused.sync"])["status"] == "ok"


def test_fused_needs_no_staging_but_names_the_files_it_has(
    tasks: Any, run: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "CeleryExecutor")
    told = refusal(tasks(target="postgres")["fused.sync"], run().context("fused.sync"))
    assert "staging file://" not in told
    assert "store sqlite:///" in told
    assert "; or name a postgres connection in `store:`" in capsys.readouterr().out
    assert "the SQLite target 'dwh'" in refusal(tasks("store: kept\n")["fused.sync"], run().context("fused.sync"))


def test_a_refused_fused_run_is_told_to_people(tasks: Any, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Any] = []
    monkeypatch.setattr("sync_provider.notifications.alerts.send", lambda plan, report, *_: told.append(report))
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "CeleryExecutor")
    refusal(tasks()["fused.sync"], run().context("fused.sync"))
    assert [report["status"] for report in told] == ["failed"]


def test_an_interface_that_was_not_selected_is_skipped_not_refused(
    tasks: Any, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "CeleryExecutor")
    with pytest.raises(AirflowSkipException):
        run(params={"interfaces": ["fused"]}).run(tasks()["orders.check"])
