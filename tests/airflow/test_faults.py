"""Airflow's own parts die in the middle of a load: the run ends well all the same, and every row is there once."""

from __future__ import annotations

import signal

import pytest

from sync_provider.core.contracts import ConnectionInfo
from tests.airflow.cluster import Cluster
from tests.services.postgres import execute
from tests.services.processes import wait_for

ROWS = 2_000
PROJECT = """\
staging: file://{home}/staging
store: sqlite:///{home}/store.db
defaults:
  target: {{connection: warehouse, schema: ods}}
  retry: {{max: 3, delay: 1s, backoff: fixed}}
"""
FAULTS = """\
source: {{type: postgres, connection: shop}}
batch: {{rows: 500}}
execution: {execution}
interfaces:
  readings:
    query: "select id, name, pg_sleep(0.004)::text as pause from readings where '{table}' <> ''"
    target: {{table: {table}}}
    write: append
"""
#: whether the source is being read for one of the two
_READING = (
    "SELECT count(*)::int FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'COPY%by_{}%' "
    "AND pid <> pg_backend_pid()"
)
#: a part of Airflow that dies, and the interface's DAG it dies under
PARTS = {"scheduler": "staged", "api-server": "fused"}


@pytest.fixture(scope="module")
def airflow(cluster: Cluster, shop: ConnectionInfo) -> Cluster:
    """The running Airflow with a source per part that dies."""
    execute(shop, f"CREATE TABLE readings AS SELECT n AS id, md5(n::text) AS name FROM generate_series(1, {ROWS}) n")
    cluster.write("config/project.yaml", PROJECT.format(home=cluster.home))
    for part, execution in PARTS.items():
        name = part.replace("-", "_")
        cluster.write(f"config/sources/iot/{name}.yaml", FAULTS.format(execution=execution, table=f"by_{name}"))
    cluster.reparse()
    wait_for(lambda: "iot.scheduler" in cluster.dags(), 60, "the DAGs are seen", every_s=0.5)
    return cluster


@pytest.mark.parametrize("part", PARTS)
def test_a_part_of_airflow_that_dies_in_a_run(airflow: Cluster, warehouse: ConnectionInfo, part: str) -> None:
    """The task may live on or be tried again; either way the rows are there once and the run is green."""
    name = part.replace("-", "_")
    dag_id = f"iot.{name}"
    run_id = airflow.trigger(dag_id)
    wait_for(lambda: execute(warehouse, _READING.format(name)) == [(1,)], 60, "rows are on their way", every_s=0.1)
    airflow.stop_component(part, signal.SIGKILL)
    airflow.start_component(part)
    wait_for(airflow.healthy, 90, "Airflow is whole again", every_s=0.5)
    assert airflow.wait(dag_id, run_id, timeout_s=150) == "success"
    assert execute(warehouse, f"SELECT count(*), count(DISTINCT id) FROM ods.by_{name}") == [(ROWS, ROWS)]
    told = execute(warehouse, f"SELECT status, rows_loaded FROM ods._sync_load WHERE interface = '{dag_id}.readings'")
    assert told == [("done", ROWS)]
