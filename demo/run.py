"""The demo from beginning to end: invent data, start Airflow, run the DAGs, say what happened, stay until Ctrl-C."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from demo.data import make_database, make_files
from demo.standalone import USER, DemoAirflow
from demo.summary import show

REPOSITORY = Path(__file__).resolve().parents[1]
DAGS = ("demo.shop_db", "demo.shop_files")


def main() -> int:
    """Run the demo; 0 when every run was a success."""
    parser = argparse.ArgumentParser(description="Run Airflow with two demo sources.")
    parser.add_argument("--exit", action="store_true", help="stop after the runs, as DEMO_EXIT=1 does")
    parser.add_argument("--folder", type=Path, default=REPOSITORY / ".demo", help="made anew at every start")
    arguments = parser.parse_args()
    project = arguments.folder.resolve()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)

    lay_project(project)
    files = {"demo_shop": project / "shop.db", "demo_warehouse": project / "warehouse.db"}
    connections = {name: {"conn_type": "sqlite", "host": str(path)} for name, path in files.items()}
    airflow = DemoAirflow(project, connections)
    write_environment(project, airflow.settings)
    try:
        return drive(airflow, project, stay=not (arguments.exit or os.environ.get("DEMO_EXIT")))
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        say("stopping Airflow …")
        airflow.stop()
        say("stopped, nothing is left running")


def lay_project(project: Path) -> None:
    """Make the project folder: the YAML, the DAG file, and the data that the YAML names."""
    shutil.rmtree(project, ignore_errors=True)
    shutil.copytree(REPOSITORY / "demo/config", project / "config")
    (project / "dags").mkdir()
    (project / "plugins").mkdir()
    shutil.copy(REPOSITORY / "dags/sync_dags.py", project / "dags")
    make_database(project / "shop.db")
    make_files(project / "data")


def write_environment(project: Path, settings: dict[str, str]) -> None:
    """Write env.sh, with which a shell's `airflow` and `sync-provider` see what the demo sees."""
    lines = [f"export {name}='{value}'\n" for name, value in settings.items()]
    lines.append(f"export PATH='{Path(sys.executable).parent}':\"$PATH\"\n")
    file = project / "env.sh"
    file.touch(mode=0o600)
    file.write_text("".join(lines))


def drive(airflow: DemoAirflow, project: Path, stay: bool) -> int:
    """Start Airflow, run both DAGs through its scheduler, print the result, and stay if asked to."""
    began = time.monotonic()
    say("starting Airflow on SQLite (half a minute) …")
    airflow.start()
    wait(airflow.ready, 240, "Airflow is up")
    wait(
        lambda: set(DAGS) <= {dag["dag_id"] for dag in airflow.call("GET", "/dags")["dags"]}, 120, "the DAGs are there"
    )
    runs = {dag_id: begin(airflow, dag_id) for dag_id in DAGS}
    say(f"the scheduler runs {' and '.join(DAGS)} …")
    states = {dag_id: finish(airflow, dag_id, run_id) for dag_id, run_id in runs.items()}
    show(project, runs, states)
    say(f"{time.monotonic() - began:.0f} s from start to finish")
    if any(state != "success" for state in states.values()):
        say(f"look at {airflow.home}/logs", error=True)
        return 1
    if stay:
        linger(airflow, project)
    return 0


def begin(airflow: DemoAirflow, dag_id: str) -> str:
    """Unpause a DAG and return its first run: the scheduler's own, or for a manual schedule one that we trigger."""
    airflow.call("PATCH", f"/dags/{dag_id}", {"is_paused": False})
    if airflow.call("GET", f"/dags/{dag_id}")["timetable_summary"] is None:
        return str(airflow.call("POST", f"/dags/{dag_id}/dagRuns", {"logical_date": None})["dag_run_id"])
    wait(lambda: airflow.call("GET", f"/dags/{dag_id}/dagRuns")["dag_runs"], 60, f"{dag_id}: its first scheduled run")
    return str(airflow.call("GET", f"/dags/{dag_id}/dagRuns")["dag_runs"][0]["dag_run_id"])


def finish(airflow: DemoAirflow, dag_id: str, run_id: str) -> str:
    """Wait for a run's end and return its state."""

    def state() -> Any:
        return airflow.call("GET", f"/dags/{dag_id}/dagRuns/{run_id}")["state"]

    wait(lambda: state() in ("success", "failed"), 240, f"{dag_id} has ended")
    return str(state())


def linger(airflow: DemoAirflow, project: Path) -> None:
    """Say where to look, and stay until a signal comes or Airflow ends."""
    print(f"""
  Airflow     {airflow.url}    login {USER} / {airflow.password}
  the YAML    {project}/config/sources/demo
  the target  {project}/warehouse.db
  a shell     source {project}/env.sh, then airflow … or sync-provider … --config {project}/config

  Ctrl-C stops everything.
""")  # fmt: skip
    while airflow.alive():
        time.sleep(1)
    say("Airflow ended by itself", error=True)


def wait(ready: Callable[[], object], timeout_s: float, what: str) -> None:
    """Call `ready` until it returns something true, then say what is so now."""
    deadline = time.monotonic() + timeout_s
    while not ready():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {timeout_s:g} s in vain: {what}")
        time.sleep(0.5)
    say(what)


def say(text: str, error: bool = False) -> None:
    """Print one line of progress at once."""
    print(f"demo: {text}", file=sys.stderr if error else sys.stdout, flush=True)


def _leave(number: int, _frame: object) -> NoReturn:
    raise SystemExit(0 if number == signal.SIGINT else 128 + number)


if __name__ == "__main__":
    sys.exit(main())
