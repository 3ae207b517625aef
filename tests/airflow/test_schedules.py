"""When tasks run in a real Airflow: windows of the day, delays between retries, limits, priority, once per version."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from itertools import pairwise

import pytest

from sync_provider.core.contracts import ConnectionInfo
from tests.airflow.cluster import Cluster
from tests.services.postgres import execute
from tests.services.processes import free_port, wait_for

PROJECT = """\
staging: file://{home}/staging
store: sqlite:///{home}/store.db
defaults:
  target: {{connection: warehouse, schema: sched}}
  retry: {{max: 2, delay: 2s, max_delay: 60s}}
"""
HEAD = "source: {type: postgres, connection: shop, schema: public}\n"
NIGHT = """\
tags: ["opens-{opens}"]
interfaces:
  waits: {{table: few, write: append, window: "{window}"}}
  skips: {{table: few, write: append, window: "{window}", outside: skip, execution: fused}}
"""
FAILING = """\
execution: fused
interfaces:
  gone: {table: few, write: append, target: {connection: gone}}
  refused: {table: few, write: append, target: {connection: refused}}
  named:
    table: few
    write: append
    target: {connection: refused}
    retry: {max: 1, delay: 1s, backoff: fixed, errors: AuthenticationError}
"""
LIMIT, CROWD = 2, 8
SLEEPS = "(select pg_sleep(0.4)::text) is not null"
FIRST = """\
schedule: once
execution: fused
interfaces:
  changed: {{where: "id > {above}", table: few, primary_key: id, target: {{table: changed}}}}
  same: {{table: few, primary_key: id, target: {{table: same}}}}
"""


def crowd() -> str:
    """Return a source of many interfaces of which two may read at a time, the last one before all others."""
    line = '  i{n}: {{table: one, write: append, target: {{table: i{n}}}, where: "{sleeps}", priority: {priority}}}\n'
    lines = [line.format(n=n, sleeps=SLEEPS, priority=9 if n == CROWD else 1) for n in range(1, CROWD + 1)]
    return HEAD + f"limits: {{source: {LIMIT}}}\nexecution: fused\ninterfaces:\n" + "".join(lines)


@pytest.fixture(scope="module")
def airflow(cluster: Cluster, shop: ConnectionInfo) -> Iterator[Cluster]:
    """The running Airflow with all sources of this module, and the pool that `init` makes."""
    execute(shop, "CREATE TABLE few AS SELECT n AS id FROM generate_series(1, 5) n")
    execute(shop, "ALTER TABLE few ADD PRIMARY KEY (id)")
    execute(shop, "CREATE TABLE one AS SELECT 1 AS id")
    cluster.add_connection(replace(shop, id="gone", port=free_port()))
    cluster.add_connection(replace(shop, id="refused", login="nobody_of_that_name"))
    cluster.write("config/project.yaml", PROJECT.format(home=cluster.home))
    opens = (datetime.now(timezone.utc) + timedelta(seconds=120)).replace(second=0, microsecond=0)
    window = f"{opens:%H:%M}-{opens + timedelta(minutes=20):%H:%M} UTC"
    night = NIGHT.format(window=window, opens=opens.isoformat())
    texts = {
        "night": HEAD + night,
        "crowd": crowd(),
        "failing": HEAD + FAILING,
        "first": HEAD + FIRST.format(above=-1),
    }
    for name, text in texts.items():
        cluster.write(f"config/sources/sched/{name}.yaml", text)
    command = [sys.executable, "-m", "sync_provider.cli.main", "init", "--config", str(cluster.project / "config")]
    # it goes on past the targets that cannot be reached
    subprocess.run(command, env=cluster.environment, cwd=cluster.home, capture_output=True, check=False)
    cluster.reparse()
    wait_for(lambda: "sched.crowd" in cluster.dags(), 60, "the DAGs are seen", every_s=0.3)
    yield cluster
    for file in (cluster.project / "config/sources/sched").iterdir():
        file.unlink()


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


@pytest.fixture(scope="module")
def night(airflow: Cluster) -> tuple[str, datetime]:
    """A run that began before its window opens, and when that is: its wait goes on while other tests run."""
    run_id = airflow.trigger("sched.night")
    told = airflow.dags()["sched.night"]["tags"]
    opens = next(tag["name"] for tag in told if tag["name"].startswith("opens-"))
    return run_id, moment(opens.removeprefix("opens-"))


def test_outside_its_window_a_run_waits_without_a_worker_or_is_skipped(
    airflow: Cluster, night: tuple[str, datetime]
) -> None:
    run_id, opens = night
    airflow.wait_task("sched.night", run_id, "waits.check", ["deferred"], timeout_s=40)
    airflow.wait_task("sched.night", run_id, "skips.sync", ["skipped"], timeout_s=40)
    assert datetime.now(timezone.utc) < opens, "this machine is too slow for the test"
    assert "is outside its window, which opens at" in airflow.task_log("sched.night", run_id, "skips.sync")


def tries(airflow: Cluster, run_id: str, task_id: str) -> list[tuple[datetime, datetime]]:
    """Return start and end of each try of a task."""
    path = f"/dags/sched.failing/dagRuns/{run_id}/taskInstances/{task_id}/tries"
    found = airflow.call("GET", path)["task_instances"]
    return sorted((moment(each["start_date"]), moment(each["end_date"])) for each in found)


def test_only_what_another_try_can_help_is_tried_again_and_later_each_time(airflow: Cluster) -> None:
    run_id = airflow.trigger("sched.failing")
    assert airflow.wait("sched.failing", run_id) == "failed"
    made = {name: tries(airflow, run_id, f"{name}.sync") for name in ("gone", "refused", "named")}
    assert {name: len(each) for name, each in made.items()} == {"gone": 3, "refused": 1, "named": 2}
    waits = [(after[0] - before[1]).total_seconds() for before, after in pairwise(made["gone"])]
    # exponential from 2 s: between 1 and 2, then between 2 and 4, and what the scheduler needs to see it
    assert 1 <= waits[0] < 2 + 5
    assert 2 <= waits[1] < 4 + 5
    assert (made["named"][1][0] - made["named"][0][1]).total_seconds() >= 1
    log = airflow.task_log("sched.failing", run_id, "refused.sync")
    assert "AuthenticationError is not retried" in log


def test_no_more_of_a_source_run_at_a_time_than_its_limit_and_the_urgent_first(airflow: Cluster) -> None:
    assert airflow.call("GET", "/pools/sync.sched.crowd")["slots"] == LIMIT
    run_id = airflow.trigger("sched.crowd")
    assert airflow.wait("sched.crowd", run_id) == "success", airflow.logs("sched.crowd", run_id)
    found = airflow.call("GET", f"/dags/sched.crowd/dagRuns/{run_id}/taskInstances", limit=500)["task_instances"]
    spans = {task["task_id"]: (moment(task["start_date"]), moment(task["end_date"])) for task in found}
    assert len(spans) == CROWD
    at_once = [sum(start <= begun < end for start, end in spans.values()) for begun, _ in spans.values()]
    assert max(at_once) == LIMIT
    assert f"i{CROWD}.sync" in sorted(spans, key=lambda task: spans[task][0])[:LIMIT], "the greater priority goes first"


def test_once_runs_again_when_the_configuration_changes_and_only_what_changed(airflow: Cluster) -> None:
    def scheduled() -> list[str]:
        return [run["dag_run_id"] for run in airflow.runs("sched.first", "scheduled")]

    airflow.unpause("sched.first")
    wait_for(lambda: len(scheduled()) == 1, 30, "the scheduler starts the one run", every_s=0.3)
    assert airflow.wait("sched.first", scheduled()[0]) == "success", airflow.logs("sched.first", scheduled()[0])
    airflow.reparse()
    assert len(scheduled()) == 1, "nothing changed"
    airflow.write("config/sources/sched/first.yaml", HEAD + FIRST.format(above=-2))
    airflow.reparse()
    wait_for(lambda: len(scheduled()) == 2, 30, "the scheduler starts another run", every_s=0.3)
    again = scheduled()[1]
    assert airflow.wait("sched.first", again) == "success", airflow.logs("sched.first", again)
    assert airflow.task_states("sched.first", again) == {"changed.sync": "success", "same.sync": "skipped"}
    assert "is scheduled once, and run" in airflow.task_log("sched.first", again, "same.sync")
    airflow.reparse()
    assert len(scheduled()) == 2


def test_when_its_window_opens_the_run_goes_on(airflow: Cluster, night: tuple[str, datetime]) -> None:
    run_id, opens = night
    assert airflow.wait("sched.night", run_id) == "success", airflow.logs("sched.night", run_id)
    states = airflow.task_states("sched.night", run_id)
    assert {states[f"waits.{stage}"] for stage in ("check", "extract", "load", "report")} == {"success"}
    check = airflow.task("sched.night", run_id, "waits.check")
    assert (check["try_number"], moment(check["end_date"]) >= opens) == (1, True)
    assert f"which opens at {opens:%Y-%m-%d %H:%M} UTC" in airflow.task_log("sched.night", run_id, "waits.check")
