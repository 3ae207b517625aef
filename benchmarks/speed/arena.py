"""Where the jobs run: servers with data, a project of ours, and the way back to the state before a run."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from benchmarks.speed import data, servers
from benchmarks.speed.measure import Cost, Pipe, rest, run
from benchmarks.speed.servers import PASSWORDS, Mariadb, Postgres
from tests.services.connections import airflow_conn

ROOT = Path(__file__).resolve().parents[2]
_QUIET = {"DO_NOT_TRACK": "1", "DISABLE_TELEMETRY": "true", "RUNTIME__DLTHUB_TELEMETRY": "false"}
COMMAND = Path(sys.executable).with_name("sync-provider")


@dataclass
class Arena:
    """Servers, source data and project.

    Args:
        rows: in `orders`.
        shapes: job → statement that makes the table our run made, for the limit.
        digests: query of source rows → what it gave; they never change.
    """

    folder: Path
    pg: Postgres
    my: Mariadb
    rows: int
    shapes: dict[str, str] = field(default_factory=dict)
    digests: dict[str, tuple[object, ...]] = field(default_factory=dict)

    @property
    def csv(self) -> Path:
        """The orders as a file."""
        return self.folder / "csv" / "orders.csv"

    def env(self) -> dict[str, str]:
        """Return the environment of every command."""
        known = [
            replace(self.pg.info("shop"), id="shop"), replace(self.pg.info("dwh"), id="dwh"),
            replace(self.my.info("shop"), id="shop_my"), replace(self.my.info("dwh"), id="dwh_my"),
        ]  # fmt: skip
        path = {"PYTHONPATH": str(ROOT)}
        home = {"HOME": str(self.folder), "AIRFLOW_HOME": str(self.folder / "airflow"), **_QUIET}
        return {**os.environ, **PASSWORDS, **home, **path, **dict(map(airflow_conn, known))}

    def measured(self, pipes: list[Pipe]) -> Cost:
        """Run commands against quiet servers whose buffers are on disk."""
        self.pg.sql("postgres", "CHECKPOINT")
        rest([self.pg, self.my])
        return run(pipes, self.env(), [self.pg, self.my], self.folder)

    def ours(self, job: str, *options: str) -> list[Pipe]:
        """Return the command that runs a job."""
        told = ["--json", "--config", str(self.config(job)), *options]
        return [[[str(COMMAND), "run", f"bench.{job}.orders", *told]]]

    def six_stages(self, job: str) -> list[Pipe]:
        """Return the command that runs a job as six stages."""
        return [[[sys.executable, "-m", "benchmarks.speed.six_stages", str(self.config(job)), f"bench.{job}.orders"]]]

    def config(self, job: str) -> Path:
        """Return the config folder of a job: each has a project, as they write the same table."""
        return self.folder / job / "config"

    def write(self, job: str, yaml: str) -> None:
        """Write the project of a job; they share a store."""
        path = self.config(job) / "sources" / "bench" / f"{job}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.replace("$FOLDER", str(self.csv.parent)), encoding="utf-8")
        (self.config(job) / "project.yaml").write_text(f"store: sqlite:///{self.folder}/store.db\n")

    def forget(self) -> None:
        """Remove everything a run leaves in the targets."""
        self.pg.sql("dwh", "DROP SCHEMA IF EXISTS ods CASCADE")
        self.my.sql("mysql", "DROP DATABASE dwh", "CREATE DATABASE dwh")

    def lay_shape(self, job: str) -> None:
        """Make the empty table that our run of the job makes, for a limit to fill."""
        self.forget()
        if job.endswith("_my"):
            self.my.sql("dwh", self.shapes[job])
        else:
            self.pg.sql("dwh", "CREATE SCHEMA ods", self.shapes[job])

    def keep_shape(self, job: str, shaped: str = "") -> None:
        """Remember the table our run made.

        Args:
            shaped: SQL for the copy, as `{table}`.
        """
        if job in self.shapes:
            return
        if job.endswith("_my"):
            self.shapes[job] = str(self.my.sql("dwh", "SHOW CREATE TABLE orders")[0][1])
            return
        kept = f"bench.{job}"
        made = ["CREATE SCHEMA IF NOT EXISTS bench", f"CREATE TABLE {kept} (LIKE ods.orders INCLUDING ALL)"]
        self.pg.sql("dwh", *made, *([shaped.format(table=kept)] if shaped else []))
        self.shapes[job] = f"CREATE TABLE ods.orders (LIKE {kept} INCLUDING ALL)"


def report_of(cost: Cost) -> Mapping[str, Any]:
    """Return the report a run of ours printed."""
    found: dict[str, Any] = json.loads(cost.out[cost.out.index("{") :])
    return found


@contextmanager
def arena(rows: int) -> Iterator[Arena]:
    """Start the servers and make the data; everything is gone in the end."""
    with tempfile.TemporaryDirectory(prefix="sync-bench-") as made, servers.started() as (pg, my):
        folder = Path(made)
        folder.chmod(0o755)
        here = Arena(folder, pg, my, rows)
        here.csv.parent.mkdir()
        pg.sql("shop", *data.make_sql(rows))
        my.sql("shop", *data.make_mariadb_sql())
        env = here.env()
        run([[pg.psql("shop", f"\\copy orders TO '{here.csv}' CSV HEADER")]], env, [])
        load = [my.client("shop", "--local-infile=1", "-e", "LOAD DATA LOCAL INFILE '/dev/stdin' INTO TABLE orders "
                "CHARACTER SET utf8mb4")]  # fmt: skip
        run([[pg.psql("shop", f"COPY (SELECT {data.FOR_MARIADB} FROM orders) TO STDOUT"), *load]], env, [])
        if (found := my.sql("shop", "SELECT count(*) FROM orders")[0][0]) != rows:
            raise RuntimeError(f"MariaDB holds {found} of {rows} orders")
        yield here
