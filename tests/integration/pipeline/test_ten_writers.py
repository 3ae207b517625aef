"""Ten runs at once into one table, two of each of five interfaces: they take turns, and each row is there once."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

from sync_provider.core.contracts import RunReport
from sync_provider.core.errors import BusyError
from tests.integration.pipeline.project import Project

ROWS, INTERFACES = 5_000, 5
YAML = """
    source: {type: file, path: inbox}
    target: {connection: dwh}
    interfaces:
      goods:
        files: goods%d.csv
        primary_key: id
        target: {table: stock}
        columns: {id: {type: bigint}, name: {type: text}}
    """
#: refuses a statement that writes while another transaction has written and is not over
ALONE = (
    "CREATE FUNCTION alone() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
    "IF NOT pg_try_advisory_xact_lock(4711) THEN RAISE EXCEPTION 'two writers at once'; END IF; RETURN NULL; END $$",
    "CREATE TRIGGER alone BEFORE INSERT OR UPDATE OR DELETE ON stock FOR EACH STATEMENT EXECUTE FUNCTION alone()",
)


def lay_out(project: Project) -> None:
    for number in range(INTERFACES):
        project.yaml(f"s{number}", YAML % number)
        project.csv(f"goods{number}.csv", "id,name", *[f"{n},of {number}" for n in range(ROWS)])
    project.run("s0.goods", "first")


def all_at_once(project: Project) -> list[RunReport]:
    """Start ten runs at the same moment; one that meets another of its interface comes back, as a task does."""
    start = threading.Barrier(2 * INTERFACES)

    def run(number: int) -> RunReport:
        start.wait(30)
        while True:
            try:
                return project.run(f"s{number % INTERFACES}.goods", f"run{number}")
            except BusyError:
                time.sleep(0.05)

    with ThreadPoolExecutor(2 * INTERFACES) as pool:
        return list(pool.map(run, range(2 * INTERFACES)))


def test_ten_runs_into_one_table_take_turns(project: Project) -> None:
    lay_out(project)
    if project.target.type == "postgres":
        project.target_sql(*ALONE)
    reports = all_at_once(project)
    assert [(report.status, report.counters.loaded) for report in reports] == [("ok", ROWS)] * 10
    assert project.rows("SELECT count(*), count(DISTINCT id), count(DISTINCT name) FROM stock") == [(ROWS, ROWS, 1)]
    done = "SELECT count(*) FROM _sync_load WHERE status = 'done' AND run_id <> 'first'"
    assert project.rows(done) == [(10,)]
    assert project.rows("SELECT count(*) FROM _sync_lease WHERE run_id IS NOT NULL") == [(0,)], "every lease is free"


def test_the_detector_of_the_test_above_detects(pg: Project) -> None:
    import psycopg

    lay_out(pg)
    pg.target_sql(*ALONE)
    pg.csv("goods1.csv", "id,name", "1,late", "2,late")
    info = pg.target
    with psycopg.connect(
        host=info.host, port=info.port, user=info.login, password=info.password, dbname=info.schema
    ) as other:
        other.execute("UPDATE stock SET name = 'y' WHERE id = -1")
        report = pg.run("s1.goods", "second")
    assert (report.counters.loaded, report.counters.rejected) == (0, 2)
    assert report.rejected_by_rule["target"][1].endswith("two writers at once")
