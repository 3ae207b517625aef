"""A real Airflow for tests: api-server, scheduler, dag-processor and triggerer on PostgreSQL, all its own."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil

from sync_provider.core.contracts import ConnectionInfo
from tests.airflow.rest import AirflowApi
from tests.services.connections import airflow_conn
from tests.services.processes import dies_with_parent, free_port, wait_for

COMPONENTS = ("api-server", "scheduler", "dag-processor", "triggerer")
_REPOSITORY = Path(__file__).parents[2]


@dataclass
class Cluster(AirflowApi):
    """One running Airflow and the project folder it serves.

    Args:
        home: AIRFLOW_HOME; the components' logs are `<home>/<component>.log`.
        project: has `dags/`, `config/sources/` and `plugins/`, laid out as in a user's repository.
        environment: what every component's process sees.
    """

    home: Path = field(default_factory=Path)
    project: Path = field(default_factory=Path)
    environment: dict[str, str] = field(default_factory=dict, repr=False)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict, repr=False)

    @classmethod
    def start(cls, metadata: ConnectionInfo, connections: tuple[ConnectionInfo, ...] = (),
              settings: Mapping[str, str] | None = None) -> Cluster:  # fmt: skip
        """Migrate the metadata database, start all components and wait until each is healthy.

        Args:
            metadata: an empty PostgreSQL database.
            connections: what tasks may use; given as `AIRFLOW_CONN_*`.
            settings: environment variables that beat ours.
        """
        home = Path(tempfile.mkdtemp(prefix="sync-airflow-"))
        port = free_port()
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "PYTHONDONT"))},
            **_settings(home, metadata, port),
            **dict(airflow_conn(info) for info in connections),
            **(settings or {}),
        }
        cluster = cls(url=f"http://127.0.0.1:{port}", home=home, project=home / "project", environment=environment)
        cluster.lay_project()
        try:
            cluster.cli("db", "migrate")
            for component in COMPONENTS:
                cluster.start_component(component)
            wait_for(cluster.healthy, 120, f"Airflow, logs in {home}", every_s=0.3)
        except BaseException:
            cluster.stop(keep=True)
            raise
        return cluster

    def lay_project(self) -> None:
        """Make the project folder: the repository's own DAG file beside an empty configuration."""
        for folder in ("dags", "config/sources", "plugins"):
            (self.project / folder).mkdir(parents=True)
        shutil.copy(_REPOSITORY / "dags/sync_dags.py", self.project / "dags")

    def start_component(self, component: str) -> None:
        """Start one component in a session of its own."""
        command = [_airflow(), component]
        with open(self.home / f"{component}.log", "ab") as log:
            self.processes[component] = subprocess.Popen(
                command, env=self.environment, cwd=self.home, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True, preexec_fn=dies_with_parent(),
            )  # fmt: skip

    def stop_component(self, component: str, number: int = signal.SIGTERM) -> None:
        """Send a signal to a component and its children, wait for its end, and leave none of them behind."""
        process = self.processes.pop(component)
        _signal_group(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(15)
        _signal_group(process.pid, signal.SIGKILL)
        process.wait()

    def restart(self, component: str, number: int = signal.SIGTERM) -> None:
        """Stop a component (`number=SIGKILL`: as a crash does) and start it again."""
        self.stop_component(component, number)
        self.start_component(component)

    def healthy(self) -> bool:
        """Return whether every component reports itself healthy; raises when one has ended."""
        for component, process in self.processes.items():
            if process.poll() is not None:
                raise RuntimeError(f"{component} ended:\n{self.component_log(component)[-3000:]}")
        try:
            parts = httpx.get(f"{self.url}/api/v2/monitor/health", timeout=5).json()
        except (httpx.HTTPError, ValueError):
            return False
        return all(part.get("status") == "healthy" for part in parts.values())

    def component_log(self, component: str) -> str:
        """Return all that a component has printed."""
        return (self.home / f"{component}.log").read_text(errors="replace")

    def cli(self, *arguments: str) -> str:
        """Run the `airflow` command as a person would and return what it printed."""
        done = subprocess.run(
            [_airflow(), *arguments], env=self.environment, cwd=self.home, capture_output=True, text=True
        )
        assert done.returncode == 0, f"airflow {' '.join(arguments)}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def backfill(self, dag_id: str, first: str, last: str, **options: str) -> list[str]:
        """Run `airflow backfill create` over a range of dates and return the ids of the runs it made."""
        more = [part for name, value in options.items() for part in (f"--{name.replace('_', '-')}", value)]
        self.cli("backfill", "create", "--dag-id", dag_id, "--from-date", first, "--to-date", last, *more)
        return [run["dag_run_id"] for run in self.runs(dag_id, "backfill")]

    def write(self, path: str, text: str) -> Path:
        """Write a file of the project, such as `config/sources/erp/crm.yaml`; `reparse` makes Airflow see it."""
        file = self.project / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    def reparse(self, timeout_s: float = 60) -> None:
        """Have the DAG files parsed again and wait until that is done."""
        before = self._parsed()
        for file in (self.project / "dags").glob("*.py"):
            os.utime(file)
        wait_for(lambda: self._parsed() > before, timeout_s, "the DAG files are parsed again", every_s=0.3)

    def arm(self, failpoint: str) -> None:
        """Make the next task that passes a fail point fail there, once: `commit:kill`."""
        (self.home / "failpoint").write_text(failpoint)

    def armed(self) -> bool:
        """Return whether the fail point has not fired yet."""
        return (self.home / "failpoint").exists()

    def stop(self, keep: bool = False) -> None:
        """End every process and remove the folder (`keep=True` leaves it to be looked at)."""
        for process in self.processes.values():
            _signal_group(process.pid, signal.SIGTERM)
        for component in tuple(self.processes):
            self.stop_component(component)
        if not keep:
            shutil.rmtree(self.home, ignore_errors=True)

    def live(self) -> set[int]:
        """Return the ids of all live processes that work for this Airflow, whoever their parent is."""
        found = set()
        for process in psutil.process_iter():
            try:
                # parts that rename themselves wipe their environment
                ours = process.environ().get("AIRFLOW_HOME") == str(self.home)
                ours = ours or process.cwd().startswith(str(self.home))
                if ours and process.status() != psutil.STATUS_ZOMBIE:
                    found.add(process.pid)
            except psutil.Error:
                continue
        return found

    def _parsed(self) -> str:
        dags = self.call("GET", "/dags", limit=500, exclude_stale=False)["dags"]
        errors = self.call("GET", "/importErrors", limit=100)["import_errors"]
        times = [dag["last_parsed_time"] or "" for dag in dags] + [error["timestamp"] or "" for error in errors]
        return max(times, default="")


def _settings(home: Path, metadata: ConnectionInfo, port: int) -> dict[str, str]:
    """Return the environment of an Airflow that shares nothing with another on this machine."""
    login = f"{metadata.login}:{metadata.password}@{metadata.host}:{metadata.port}"
    values: Mapping[str, Any] = {
        "CORE__DAGS_FOLDER": home / "project/dags",
        "CORE__PLUGINS_FOLDER": home / "project/plugins",
        "CORE__LOAD_EXAMPLES": False,
        "CORE__EXECUTOR": "LocalExecutor",
        "CORE__PARALLELISM": 8,
        # a page of documentation follows its file at once, not within half a minute
        "CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL": 0,
        "CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": True,
        "CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
        "CORE__FERNET_KEY": urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "DATABASE__SQL_ALCHEMY_CONN": f"postgresql+psycopg2://{login}/{metadata.schema}",
        "API__HOST": "127.0.0.1",
        "API__PORT": port,
        "API__BASE_URL": f"http://127.0.0.1:{port}",
        "API__SECRET_KEY": secrets.token_hex(16),
        "API_AUTH__JWT_SECRET": secrets.token_hex(32),
        "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": 0.1,
        "SCHEDULER__ENABLE_HEALTH_CHECK": False,
        "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": 30,
        # a dead scheduler's tasks: looked for every 5 minutes otherwise, and only then are their heartbeats missed
        "SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": 10,
        "SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": 15,
        "DAG_PROCESSOR__REFRESH_INTERVAL": 3,
        "DAG_PROCESSOR__BUNDLE_REFRESH_CHECK_INTERVAL": 1,
        "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": 600,
        "LOGGING__WORKER_LOG_SERVER_PORT": free_port(),
        "LOGGING__TRIGGER_LOG_SERVER_PORT": free_port(),
        "USAGE_DATA_COLLECTION__ENABLED": False,
    }
    settings = {f"AIRFLOW__{name}": str(value) for name, value in values.items()}
    return {**settings, "AIRFLOW_HOME": str(home), "SYNC_FAILPOINT": f"@{home / 'failpoint'}"}


def _airflow() -> str:
    return str(Path(sys.executable).with_name("airflow"))


def _signal_group(leader: int, number: int) -> None:
    try:
        os.killpg(leader, number)
    except ProcessLookupError:
        return
