"""A source whose YAML breaks in a real Airflow: its DAG runs on as it was, and says where the mistake is."""

from __future__ import annotations

from typing import Any

import pytest

from sync_provider.core.contracts import ConnectionInfo
from tests.airflow.cluster import Cluster
from tests.services.postgres import execute
from tests.services.processes import wait_for

GOOD = """\
source: {type: postgres, connection: shop}
target: {connection: warehouse, schema: ods}
interfaces:
  parcels: {primary_key: id}
"""
BESIDE = GOOD.replace("parcels", "letters")


@pytest.fixture(scope="module")
def airflow(cluster: Cluster, shop: ConnectionInfo) -> Cluster:
    """The running Airflow with two sources that are right."""
    execute(shop, "CREATE TABLE parcels AS SELECT n AS id FROM generate_series(1, 5) n")
    execute(shop, "CREATE TABLE letters AS SELECT n AS id FROM generate_series(1, 3) n")
    cluster.write(
        "config/project.yaml", f"staging: file://{cluster.home}/staging\nstore: sqlite:///{cluster.home}/s.db\n"
    )
    cluster.write("config/sources/post/parcels.yaml", GOOD)
    cluster.write("config/sources/post/letters.yaml", BESIDE)
    cluster.reparse()
    wait_for(lambda: {"post.parcels", "post.letters"} <= set(cluster.dags()), 60, "the DAGs are seen", every_s=0.5)
    return cluster


def test_broken_yaml_runs_on_and_is_mended(airflow: Cluster, warehouse: ConnectionInfo) -> None:
    before = _look(airflow, "post.letters")
    airflow.write("config/sources/post/parcels.yaml", GOOD.replace("primary_key", "primry_key"))
    airflow.reparse()  # or a parse that had begun before the file was broken
    wait_for(lambda: "config-error" in _look(airflow, "post.parcels")["tags"], 30, "it is told", every_s=0.3)
    broken = _look(airflow, "post.parcels")
    assert broken["name"].endswith("· config error")
    assert "config/sources/post/parcels.yaml:4:13" in broken["doc"]
    assert "did you mean" in broken["doc"]
    assert _look(airflow, "post.letters") == before, "its neighbour is as it was"
    run_id = airflow.trigger("post.parcels")
    assert airflow.wait("post.parcels", run_id) == "success"
    assert execute(warehouse, "SELECT count(*) FROM ods.parcels") == [(5,)]
    airflow.write("config/sources/post/parcels.yaml", GOOD)
    airflow.reparse()
    wait_for(lambda: "config-error" not in _look(airflow, "post.parcels")["tags"], 30, "it is mended", every_s=0.3)


def _look(airflow: Cluster, dag_id: str) -> dict[str, Any]:
    """Return what a person sees of a DAG."""
    told = airflow.call("GET", f"/dags/{dag_id}/details")
    tags = sorted(tag["name"] for tag in told["tags"])
    return {"tags": tags, "name": told["dag_display_name"], "doc": told["doc_md"] or ""}
