"""One Airflow standalone on SQLite, in a session of its own: start, ask, stop without leaving a process behind."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import psutil

USER = "admin"
#: every process of one demo has this variable with the same value; a shell that read env.sh has not
_MARK = "SYNC_DEMO_MARK"


class DemoAirflow:
    """Airflow in `<project>/airflow`, serving `<project>/dags` and `<project>/config` on the loopback only.

    Args:
        connections: Airflow connection id → connection, as JSON values.
    """

    def __init__(self, project: Path, connections: Mapping[str, Mapping[str, str]]) -> None:
        self.project = project
        self.home = project / "airflow"
        self.log = self.home / "standalone.log"
        self.password = secrets.token_urlsafe(6)
        port = _port(8080)
        self.url = f"http://127.0.0.1:{port}"
        self.settings = self._settings(port)
        self.settings.update({f"AIRFLOW_CONN_{name.upper()}": json.dumps(value) for name, value in connections.items()})
        self._process: subprocess.Popen[bytes] | None = None
        self._session = 0
        self._token = ""
        self._mark = secrets.token_hex(8)

    def start(self) -> None:
        """Start it; the login is written first, so that it does not invent another."""
        self.home.mkdir(parents=True)
        (self.home / "passwords.json").write_text(json.dumps({USER: self.password}))
        programs = Path(sys.executable).parent
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "PYTHOND"))}
        # standalone looks for `airflow` on the path
        environment.update(
            self.settings, **{_MARK: self._mark}, PATH=f"{programs}{os.pathsep}{os.environ.get('PATH', '')}"
        )
        command = [str(programs / "airflow"), "standalone"]
        with open(self.log, "wb") as log:
            self._process = subprocess.Popen(
                command, env=environment, cwd=self.home, stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, start_new_session=True,
            )  # fmt: skip
        self._session = self._process.pid

    def stop(self) -> None:
        """End every process of it: first by asking, after ten seconds by force, until none is left."""
        patience = time.monotonic() + 10
        asked: set[int] = set()
        while family := _family(self._mark, self._session):
            late = time.monotonic() > patience
            for process in family:
                if late or process.pid not in asked:
                    asked.add(process.pid)
                    with contextlib.suppress(psutil.NoSuchProcess):
                        process.send_signal(signal.SIGKILL if late else signal.SIGTERM)
            psutil.wait_procs(family, timeout=0.5)
        self._process = None

    def alive(self) -> bool:
        """Return whether it still runs."""
        return self._process is not None and self._process.poll() is None

    def ready(self) -> bool:
        """Return whether all its parts say they are healthy; raises when it has ended."""
        if not self.alive():
            raise RuntimeError(f"Airflow ended; the end of {self.log}:\n{self.log.read_text(errors='replace')[-3000:]}")
        try:
            with urlopen(f"{self.url}/api/v2/monitor/health", timeout=5) as answer:
                parts = json.load(answer)
        except (URLError, OSError, ValueError):
            return False
        return all(part["status"] in ("healthy", None) for part in parts.values())

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Call the REST API and return its JSON; tried again for a minute, as a young SQLite is often locked."""
        deadline = time.monotonic() + 60
        while True:
            try:
                if not self._token:
                    login = {"username": USER, "password": self.password}
                    self._token = self._send("POST", "/auth/token", login)["access_token"]
                return self._send(method, f"/api/v2{path}", body)
            except (URLError, OSError, ValueError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(1)

    def _send(self, method: str, path: str, body: Mapping[str, Any] | None) -> Any:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self._token}"}
        data = None if body is None else json.dumps(body).encode()
        with urlopen(Request(self.url + path, data, headers, method=method), timeout=30) as answer:
            return json.load(answer)

    def _settings(self, port: int) -> dict[str, str]:
        values: Mapping[str, Any] = {
            "CORE__DAGS_FOLDER": self.project / "dags",
            "CORE__PLUGINS_FOLDER": self.project / "plugins",
            "CORE__LOAD_EXAMPLES": False,
            # SQLite does not bear a crowd of writers
            "CORE__PARALLELISM": 8,
            "CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
            "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": self.home / "passwords.json",
            "API__HOST": "127.0.0.1",
            "API__PORT": port,
            "API__BASE_URL": self.url,
            "API__SECRET_KEY": secrets.token_hex(16),
            "API_AUTH__JWT_SECRET": secrets.token_hex(32),
            "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": 0.2,
            "DAG_PROCESSOR__REFRESH_INTERVAL": 10,
            "LOGGING__WORKER_LOG_SERVER_PORT": _port(0),
            "LOGGING__TRIGGER_LOG_SERVER_PORT": _port(0),
            "USAGE_DATA_COLLECTION__ENABLED": False,
        }
        settings = {f"AIRFLOW__{name}": str(value) for name, value in values.items()}
        return {"AIRFLOW_HOME": str(self.home), **settings}


def _port(wanted: int) -> int:
    """Return the wanted loopback port if nothing has it, else a free one."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            return _port(0)
        return int(probe.getsockname()[1])


def _family(mark: str, session: int) -> list[psutil.Process]:
    """Return the live processes of this session or with this mark, whoever their parent is by now.

    Neither is enough: Airflow's parts rename themselves, which wipes their environment; tasks leave the session.
    """
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, ProcessLookupError):
            ours = os.getsid(process.pid) == session or process.environ().get(_MARK) == mark
            if ours and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found
