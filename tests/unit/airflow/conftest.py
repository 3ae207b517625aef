"""Airflow's library without an Airflow: a throw-away AIRFLOW_HOME, a config folder for YAML, a task context."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

# before the first import of Airflow: it makes its folder when it is imported
if "AIRFLOW_HOME" not in os.environ:
    os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="sync-airflow-home-")
    atexit.register(shutil.rmtree, os.environ["AIRFLOW_HOME"], ignore_errors=True)
os.environ.setdefault("AIRFLOW__CORE__LOAD_EXAMPLES", "False")


CSV = "id,name,amount\n1,ada,10.50\n2,bob,abc\n3,cyd,7\n"
YAML = """\
source: {type: file, path: {inbox}}
target: {connection: dwh}
interfaces:
  orders:
    files: "orders_*.csv"
    primary_key: id
    columns: {id: {type: bigint}, amount: {type: "decimal(12,2)"}}
  paused:
    enabled: false
    files: "orders_*.csv"
    write: append
"""


@pytest.fixture
def project(tmp_path: Path) -> Callable[..., Path]:
    """A function that writes YAML files under a config folder and returns the folder."""

    def write(files: Mapping[str, str]) -> Path:
        config = tmp_path / "config"
        (config / "sources").mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            path = config / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return config

    return write


@dataclass
class Run:
    """One DAG run as its tasks see it, with XCom and task states in memory."""

    run_id: str = "manual__1"
    run_type: str = "manual"
    params: dict[str, Any] = field(default_factory=dict)
    tags: set[str] = field(default_factory=set)
    interval: tuple[datetime, datetime] | None = None
    xcom: dict[tuple[str, str], Any] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)

    def context(self, task_id: str, try_number: int = 1, max_tries: int = 0) -> dict[str, Any]:
        """Return the context of one task of this run."""
        from airflow.sdk import DAG

        since, until = self.interval or (None, None)
        run = SimpleNamespace(
            run_id=self.run_id, run_type=self.run_type, dag_id="lib.src",
            data_interval_start=since, data_interval_end=until,
        )  # fmt: skip
        ti = SimpleNamespace(
            run_id=self.run_id, task_id=task_id, try_number=try_number, max_tries=max_tries,
            xcom_push=lambda key, value: self.xcom.__setitem__((task_id, key), value),
            xcom_pull=lambda task_ids, key="return_value": self.xcom.get((task_ids, key)),
            get_task_states=lambda dag_id, task_ids, run_ids: {
                self.run_id: {task: self.states[task] for task in task_ids if task in self.states}
            },
        )  # fmt: skip
        dag = DAG("lib.src", schedule=None, tags=self.tags)
        return {"dag_run": run, "params": self.params, "ti": ti, "dag": dag}

    def run(self, task: Any, **tries: int) -> Any:
        """Execute one task as Airflow would: keep what it returns, and its state."""
        from airflow.sdk.exceptions import AirflowSkipException

        try:
            value = task.execute(self.context(task.task_id, **tries))
        except AirflowSkipException:
            self.states[task.task_id] = "skipped"
            raise
        except Exception:
            self.states[task.task_id] = "failed"
            raise
        self.states[task.task_id] = "success"
        self.xcom[task.task_id, "return_value"] = value
        return value


@pytest.fixture
def run() -> type[Run]:
    """The class of runs."""
    return Run


def utc(text: str) -> datetime:
    """Return an aware time."""
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)


@pytest.fixture
def dwh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A SQLite target that Airflow knows as `dwh`."""
    path = tmp_path / "dwh.db"
    monkeypatch.setenv("AIRFLOW_CONN_DWH", json.dumps({"conn_type": "sqlite", "host": str(path)}))
    return path


@pytest.fixture
def dag(project: Callable[..., Path], tmp_path: Path, dwh: Path) -> Callable[..., Any]:
    """A function that builds the DAG of the CSV source, with lines added under `orders:`."""

    def build(more: str = "", csv: str = CSV, dag_id: str = "lib.src") -> Any:
        from sync_provider.dag_factory import build_dags

        inbox = tmp_path / "inbox"
        inbox.mkdir(exist_ok=True)
        (inbox / "orders_1.csv").write_text(csv)
        text = YAML.replace("{inbox}", str(inbox)).replace("  paused:", f"{more}  paused:")
        staging = f"staging: file://{tmp_path / 'staging'}\nstore: sqlite:///{tmp_path / 'store.db'}\n"
        built = build_dags(project({"sources/lib/src.yaml": text, "project.yaml": staging}))[dag_id]
        assert "config-error" not in built.tags, built.doc_md
        return built

    return build


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Put a notifier in place of Slack's; the summaries it got."""
    from airflow.sdk import BaseNotifier

    got: list[str] = []

    class Note(BaseNotifier):
        template_fields = ("text",)

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

        def notify(self, context: Any) -> None:
            got.append(self.text)

    monkeypatch.setattr("sync_provider.notifications.Note", Note, raising=False)
    return got
