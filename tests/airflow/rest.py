"""Airflow as a person drives it: trigger, wait, look, clear and mark through its REST API."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from sync_provider.core.contracts import ConnectionInfo

Json = dict[str, Any]
DONE = ("success", "failed")


@dataclass
class AirflowApi:
    """The REST API of one Airflow, logged in as its only user."""

    url: str
    _client: httpx.Client | None = field(default=None, repr=False)

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None, **query: Any) -> Any:
        """Call `/api/v2<path>` and return the JSON answer.

        Raises:
            AssertionError: the server answered with an error; its text is in the message.
        """
        if self._client is None:
            token = httpx.get(f"{self.url}/auth/token", timeout=60).json()["access_token"]
            self._client = httpx.Client(timeout=60, headers={"Authorization": f"Bearer {token}"})
        headers = {"Accept": "application/json"}
        answer = self._client.request(method, f"{self.url}/api/v2{path}", json=body, params=query, headers=headers)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def unpause(self, dag_id: str, paused: bool = False) -> None:
        """Let the scheduler run a DAG, or (`paused=True`) stop it from that."""
        self.call("PATCH", f"/dags/{dag_id}", {"is_paused": paused})

    def trigger(self, dag_id: str, conf: Mapping[str, Any] | None = None) -> str:
        """Start a manual run and return its id; the DAG is unpaused first."""
        self.unpause(dag_id)
        run = self.call("POST", f"/dags/{dag_id}/dagRuns", {"logical_date": None, "conf": dict(conf or {})})
        return str(run["dag_run_id"])

    def runs(self, dag_id: str, run_type: str | None = None) -> list[Json]:
        """Return the runs of a DAG, oldest first: dag_run_id, state, run_type, logical_date, data_interval_start …"""
        found = self.call("GET", f"/dags/{dag_id}/dagRuns", order_by="id", limit=100)["dag_runs"]
        return [run for run in found if run_type in (None, run["run_type"])]

    def state(self, dag_id: str, run_id: str) -> str:
        """Return a run's state: queued, running, success or failed."""
        return str(self.call("GET", f"/dags/{dag_id}/dagRuns/{run_id}")["state"])

    def wait(self, dag_id: str, run_id: str, timeout_s: float = 120) -> str:
        """Wait until a run has ended and return `success` or `failed`."""
        deadline = time.monotonic() + timeout_s
        while (state := self.state(dag_id, run_id)) not in DONE:
            if time.monotonic() > deadline:
                states = self.task_states(dag_id, run_id)
                raise TimeoutError(f"{dag_id} {run_id} is {state} after {timeout_s:g} s: {states}")
            time.sleep(0.3)
        return state

    def task(self, dag_id: str, run_id: str, task_id: str) -> Json:
        """Return one task instance: state, try_number, start_date, rendered_fields …"""
        return dict(self.call("GET", f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}"))

    def task_states(self, dag_id: str, run_id: str) -> dict[str, str | None]:
        """Return task id → state of one run."""
        found = self.call("GET", f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances", limit=500)
        return {task["task_id"]: task["state"] for task in found["task_instances"]}

    def wait_task(self, dag_id: str, run_id: str, task_id: str, states: Sequence[str], timeout_s: float = 60) -> str:
        """Wait until a task is in one of `states` and return it."""
        deadline = time.monotonic() + timeout_s
        while (state := self.task(dag_id, run_id, task_id)["state"]) not in states:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{dag_id} {run_id} {task_id} is {state} after {timeout_s:g} s, not {states}")
            time.sleep(0.2)
        return str(state)

    def task_log(self, dag_id: str, run_id: str, task_id: str, try_number: int | None = None) -> str:
        """Return what a task (its last try) logged, one line per entry, with the entry's own values behind it."""
        number = try_number or self.task(dag_id, run_id, task_id)["try_number"]
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/logs/{number}"
        entries = self.call("GET", path, full_content=True)["content"]
        return "\n".join(_line(entry) for entry in entries)

    def logs(self, dag_id: str, run_id: str) -> str:
        """Return the logs of all tasks of a run that were started: for the message of a failed assertion."""
        found = self.call("GET", f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances", limit=500)["task_instances"]
        started = sorted((task for task in found if task["start_date"]), key=lambda task: task["start_date"])
        return "\n".join(
            f"--- {t['task_id']}: {t['state']}\n{self.task_log(dag_id, run_id, t['task_id'])}" for t in started
        )

    def xcoms(self, dag_id: str, run_id: str, task_id: str) -> Json:
        """Return key → value of what a task handed on."""
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries"
        keys = [entry["key"] for entry in self.call("GET", path)["xcom_entries"]]
        return {key: self.call("GET", f"{path}/{key}")["value"] for key in keys}

    def clear(self, dag_id: str, run_id: str, task_ids: Sequence[str] = ()) -> None:
        """Clear a run, or some of its tasks with all that follow, so that they run again."""
        body: Json = {"dry_run": False, "only_failed": False, "dag_run_id": run_id, "include_downstream": True}
        if task_ids:
            body["task_ids"] = list(task_ids)
        self.call("POST", f"/dags/{dag_id}/clearTaskInstances", body)

    def set_state(self, dag_id: str, run_id: str, task_id: str, state: str = "failed") -> None:
        """Mark a task as a person does in the page."""
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}"
        self.call("PATCH", path, {"new_state": state})

    def dags(self) -> dict[str, Json]:
        """Return dag_id → DAG (tags, is_paused, timetable_summary, has_import_errors …) of all live DAGs."""
        return {dag["dag_id"]: dag for dag in self.call("GET", "/dags", limit=500)["dags"]}

    def import_errors(self) -> dict[str, str]:
        """Return file name → stack trace, as Airflow shows it on its first page."""
        found = self.call("GET", "/importErrors", limit=100)["import_errors"]
        return {error["filename"]: error["stack_trace"] for error in found}

    def add_connection(self, info: ConnectionInfo) -> None:
        """Store a connection in Airflow's database, as its form does."""
        body: Json = {"connection_id": info.id, "conn_type": info.type, "host": info.host, "port": info.port}
        self.call(
            "POST", "/connections", {**body, "login": info.login, "password": info.password, "schema": info.schema}
        )


def _line(entry: Any) -> str:
    if not isinstance(entry, Mapping):
        return str(entry)
    known = ("event", "timestamp", "level", "logger", "filename", "lineno")
    values = {key: value for key, value in entry.items() if key not in known}
    return f"{entry.get('level') or ''} {entry.get('event')} {values or ''}".strip()
