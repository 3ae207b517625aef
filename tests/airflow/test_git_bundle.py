"""DAGs from a Git bundle: a commit in mid-run does not change the run that is running."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from sync_provider.core.contracts import ConnectionInfo
from tests.airflow.cluster import Cluster
from tests.services.postgres import PostgresServer
from tests.services.processes import wait_for

DAG = "erp.crm"
BUNDLE = "airflow.providers.git.bundles.git.GitDagBundle"
SOURCE = """\
source: {{type: file, path: {inbox}}}
target: {{connection: warehouse, schema: public}}
retry: {{max: 1, delay: 45s, backoff: fixed}}
interfaces:
  orders:
    files: orders.csv
    primary_key: id
    target: {{table: git_orders}}
    columns: {{id: {{type: bigint}}}}
    filter: cast(id as bigint) < {limit}
"""


def git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=test", "-c", "user.email=test@example.com")
    return subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout


def commit(folder: Path, inbox: Path, limit: int) -> str:
    """Commit the source with another filter and return the commit."""
    file = folder / "config/sources/erp/crm.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(SOURCE.format(inbox=inbox, limit=limit), encoding="utf-8")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", f"below {limit}")
    return git(folder, "rev-parse", "HEAD").strip()


@pytest.fixture
def repository() -> Iterator[Path]:
    """A repository as a user has it: dags/, config/, and staging outside of any checkout."""
    with tempfile.TemporaryDirectory(prefix="sync-git-") as name:
        folder = Path(name) / "repo"
        (folder / "dags").mkdir(parents=True)
        entry = Path(__file__).parents[2] / "dags/sync_dags.py"
        (folder / "dags/sync_dags.py").write_text(entry.read_text())
        (folder / "config").mkdir()
        (folder / "config/project.yaml").write_text(
            f"staging: {{url: file://{name}/staging}}\nstore: sqlite:///{name}/store.db\n"
        )
        (Path(name) / "inbox").mkdir()
        (Path(name) / "inbox/orders.csv").write_text("id,name\n1,ada\n2,bob\n3,cyd\n")
        git(folder, "init", "-q", "-b", "main")
        yield folder


def test_a_commit_in_mid_run_does_not_change_the_run(
    postgres_server: PostgresServer, warehouse: ConnectionInfo, repository: Path
) -> None:
    inbox = repository.parent / "inbox"
    first = commit(repository, inbox, limit=2)
    bundles = [{"name": "git", "classpath": BUNDLE, "kwargs": {
        "repo_url": str(repository), "tracking_ref": "main", "subdir": "dags", "refresh_interval": 1}}]  # fmt: skip
    settings = {
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps(bundles),
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH": str(repository.parent / "bundles"),
        # the DAG file itself is as it was: a commit of YAML counts at its next parse
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "3",
    }
    cluster = Cluster.start(postgres_server.create_database(), (warehouse,), settings)
    try:
        wait_for(lambda: DAG in cluster.dags(), 90, "the DAG of the bundle is seen", every_s=0.5)
        cluster.arm("manifest:raise")
        running = cluster.trigger(DAG)
        cluster.wait_task(DAG, running, "orders.extract", ("up_for_retry",), 90)
        second = commit(repository, inbox, limit=9)
        wait_for(lambda: version(cluster) == second, 90, "the commit is parsed", every_s=0.5)
        assert cluster.state(DAG, running) == "running"

        assert cluster.wait(DAG, running) == "success", cluster.logs(DAG, running)
        assert rows(warehouse) == [(1, "ada")]
        later = cluster.trigger(DAG)
        assert cluster.wait(DAG, later) == "success", cluster.logs(DAG, later)
        assert rows(warehouse) == [(1, "ada"), (2, "bob"), (3, "cyd")]
        versions = {run["dag_run_id"]: run["bundle_version"] for run in cluster.runs(DAG)}
        assert versions == {running: first, later: second}
    finally:
        cluster.stop()


def version(cluster: Cluster) -> str:
    return str(cluster.call("GET", f"/dags/{DAG}")["bundle_version"])


def rows(target: ConnectionInfo) -> list[tuple[int, str]]:
    engine = sa.create_engine(
        sa.URL.create("postgresql+psycopg2", target.login, target.password, target.host, target.port, target.schema)
    )
    try:
        with engine.connect() as connection:
            return [tuple(row) for row in connection.execute(sa.text("SELECT id, name FROM git_orders ORDER BY id"))]
    finally:
        engine.dispose()
