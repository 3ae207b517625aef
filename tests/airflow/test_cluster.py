"""The test Airflow itself: it runs a DAG, shows what happened, and leaves no process behind."""

from __future__ import annotations

import signal

from tests.airflow.cluster import Cluster
from tests.services.processes import wait_for

TINY = '''
"""A DAG that has nothing to do with sync."""
from __future__ import annotations
import os
from datetime import datetime, timezone
from airflow.sdk import DAG, Param, task

with DAG("tiny", schedule="@daily", start_date=datetime(2026, 1, 1, tzinfo=timezone.utc), catchup=False,
         params={"fail": Param(False, type="boolean")}, is_paused_upon_creation=True):

    @task
    def first(params=None):
        print("hello from the task")
        if params["fail"]:
            raise ValueError("asked to fail")
        return {"connections": sorted(name for name in os.environ if name.startswith("AIRFLOW_CONN_"))}

    @task
    def second(got):
        return len(got["connections"])

    second(first())
'''


def test_a_dag_runs_fails_is_cleared_and_is_backfilled(cluster: Cluster) -> None:
    cluster.write("dags/tiny.py", TINY)
    wait_for(lambda: "tiny" in cluster.dags(), 60, "the new DAG is seen", every_s=0.5)

    run_id = cluster.trigger("tiny")
    assert cluster.wait("tiny", run_id) == "success", cluster.logs("tiny", run_id)
    assert cluster.task_states("tiny", run_id) == {"first": "success", "second": "success"}
    assert "hello from the task" in cluster.task_log("tiny", run_id, "first")
    assert cluster.xcoms("tiny", run_id, "second") == {"return_value": 2}

    cluster.clear("tiny", run_id, ["second"])
    assert cluster.wait("tiny", run_id) == "success"
    assert cluster.task("tiny", run_id, "second")["try_number"] == 2
    assert cluster.task("tiny", run_id, "first")["try_number"] == 1

    failing = cluster.trigger("tiny", {"fail": True})
    assert cluster.wait("tiny", failing) == "failed"
    assert "asked to fail" in cluster.task_log("tiny", failing, "first")

    made = cluster.backfill("tiny", "2026-01-03", "2026-01-04")
    assert [cluster.wait("tiny", run) for run in made] == ["success", "success"]


def test_a_broken_file_is_an_import_error_until_it_is_mended(cluster: Cluster) -> None:
    cluster.write("dags/broken.py", '"""airflow dag"""\nraise RuntimeError("broken on purpose")\n')
    wait_for(lambda: "broken.py" in str(cluster.import_errors()), 60, "the error shows", every_s=0.5)
    assert "broken on purpose" in str(cluster.import_errors())
    cluster.write("dags/broken.py", '"""airflow dag, mended"""\n')
    wait_for(lambda: "broken.py" not in str(cluster.import_errors()), 60, "the error goes", every_s=0.5)
    (cluster.project / "dags/broken.py").unlink()


def test_a_killed_component_takes_its_children_along_and_comes_back(cluster: Cluster) -> None:
    before = cluster.live()
    cluster.stop_component("triggerer", signal.SIGKILL)
    assert len(before - cluster.live()) >= 2
    cluster.start_component("triggerer")
    wait_for(cluster.healthy, 60, "the triggerer is back", every_s=0.5)
