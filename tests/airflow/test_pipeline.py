"""The whole way in a real Airflow, PostgreSQL to PostgreSQL: every run's rows and counters exact, whatever happens."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from sync_provider.core import engine
from sync_provider.core.contracts import ConnectionInfo
from sync_provider.core.engine.failpoints import EDGES
from sync_provider.core.plan import load_project
from tests.airflow.cluster import Cluster
from tests.services.postgres import execute
from tests.services.processes import free_port, wait_for

STAGES = ("check", "extract", "transform", "quality", "load", "report")
PROJECT = """\
staging: file://{home}/staging
store: sqlite:///{home}/store.db
defaults:
  target: {{connection: warehouse, schema: ods}}
  retry: {{max: 2, delay: 1s, backoff: fixed}}
"""
SHOP = """\
title: 商城
source: {type: postgres, connection: shop, schema: public}
interfaces:
  orders:
    title: 订单
    primary_key: id
    incremental: {cursor: updated_at, lag: 0s}
    checks:
      - not_null: [customer]
  events:
    incremental: {cursor: at, lag: 0s}
    write: append
"""
DAILY = """\
source: {type: postgres, connection: shop, schema: public}
schedule: {cron: "0 0 * * *"}
execution: fused
interfaces:
  visits:
    primary_key: id
    incremental: {cursor: at, lag: 0s}
"""
SLOW = """\
source: {type: postgres, connection: shop, schema: public}
interfaces:
  slow:
    primary_key: id
    where: "(select pg_sleep(seconds)::text from pace) is not null"
"""
ALARM = """\
source: {type: postgres, connection: shop, schema: public}
alerts:
  - when: [failure, max_bad, success]
    notifier: airflow.providers.slack.notifications.slack_webhook.SlackWebhookNotifier
    args: {slack_webhook_conn_id: sink, text: "{{ report.summary }}"}
interfaces:
  gate:
    write: append
    max_bad: 0
    checks:
      - not_null: [name]
  nowhere:
    write: append
    retry: {max: 1, delay: 1s}
    target: {connection: unreachable}
  fine:
    write: append
"""
TABLES = """
CREATE TABLE orders (id bigint PRIMARY KEY, customer text, amount numeric(12,2), updated_at timestamptz NOT NULL);
CREATE TABLE events (id bigint, at timestamptz NOT NULL);
CREATE TABLE visits (id bigint PRIMARY KEY, page text, at timestamptz NOT NULL);
CREATE TABLE slow (id bigint PRIMARY KEY);
CREATE TABLE pace (seconds float);
CREATE TABLE gate (id bigint, name text);
CREATE TABLE nowhere (id bigint);
CREATE TABLE fine (id bigint);
INSERT INTO visits
  SELECT n, 'p' || n, timestamptz '2026-01-01 00:00Z' + n * interval '1 hour' FROM generate_series(0, 239) n;
INSERT INTO slow SELECT generate_series(1, 10);
INSERT INTO pace VALUES (0);
INSERT INTO gate VALUES (1, 'a'), (2, NULL);
INSERT INTO fine SELECT generate_series(1, 7);
"""


@pytest.fixture(scope="module")
def slack() -> Iterator[tuple[str, list[str]]]:
    """A local Slack: its address and the texts posted to it."""
    posted: list[str] = []

    class Sink(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["text"])
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Sink)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", posted
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def airflow(cluster: Cluster, shop: ConnectionInfo, slack: tuple[str, list[str]]) -> Cluster:
    """The running Airflow with all sources of this module."""
    execute(shop, TABLES)
    cluster.add_connection(ConnectionInfo("sink", "slackwebhook", slack[0], password="T0/B0/x"))
    cluster.add_connection(replace(shop, id="unreachable", port=free_port()))
    cluster.write("config/project.yaml", PROJECT.format(home=cluster.home))
    for name, text in {"shop": SHOP, "daily": DAILY, "slow": SLOW, "alarm": ALARM}.items():
        cluster.write(f"config/sources/erp/{name}.yaml", text)
    cluster.write("config/sources/erp/broken.yaml", SHOP.replace("primary_key", "primry_key"))
    cluster.reparse()
    wait_for(lambda: "erp.shop" in cluster.dags(), 60, "the DAGs are seen", every_s=0.5)
    return cluster


class Shop:
    """The orders on both sides; every order added is one row of a rising `updated_at`."""

    def __init__(self, source: ConnectionInfo, target: ConnectionInfo) -> None:
        self.source, self.target = source, target

    def add(self, good: int, bad: int = 0) -> None:
        """Insert orders, `bad` of them without a customer."""
        execute(
            self.source,
            "INSERT INTO orders SELECT top + n, CASE WHEN n > %s THEN 'c' || n END, n, "
            "timestamptz '2026-02-01Z' + (top + n) * interval '1 second' "
            "FROM (SELECT coalesce(max(id), 0) AS top FROM orders) t, generate_series(1, %s) n",
            [bad, good + bad],
        )

    def differences(self) -> list[tuple[Any, ...]]:
        """Return the rows that are not the same on both sides; bad ones belong to neither."""
        want = execute(self.source, "SELECT id, customer, amount, updated_at FROM orders WHERE customer IS NOT NULL")
        got = execute(self.target, "SELECT id, customer, amount, updated_at FROM ods.orders")
        return sorted({*want} ^ {*got}) + ([("twice",)] if len(got) != len({*got}) else [])

    def checkpoint(self, interface: str) -> str:
        """Return how far the interface is."""
        sql = "SELECT value FROM ods._sync_checkpoint WHERE interface = %s"
        return str(execute(self.target, sql, [interface])[0][0])

    def rejected(self, run_id: str) -> int:
        """Return how many rows of a run wait in quarantine."""
        sql = "SELECT count(*) FROM ods._sync_rejected WHERE run_id = %s AND state = 'new'"
        return int(execute(self.target, sql, [run_id])[0][0])


@pytest.fixture(scope="module")
def sides(shop: ConnectionInfo, warehouse: ConnectionInfo) -> Shop:
    """Source and target of the orders."""
    return Shop(shop, warehouse)


def counters(airflow: Cluster, dag_id: str, run_id: str, task_id: str) -> dict[str, int]:
    """Return what a run's report counted, without the zeros."""
    values = airflow.xcoms(dag_id, run_id, task_id)["return_value"]
    return {name: count for name, count in values["counters"].items() if count}


def finish(airflow: Cluster, dag_id: str, run_id: str, want: str = "success") -> str:
    """Wait for a run's end, with all its logs in the failure's message."""
    assert airflow.wait(dag_id, run_id) == want, airflow.logs(dag_id, run_id)
    return run_id


def run_orders(airflow: Cluster) -> str:
    return finish(airflow, "erp.shop", airflow.trigger("erp.shop", {"interfaces": ["orders"]}))


def test_a_triggered_run_moves_what_was_selected(airflow: Cluster, sides: Shop) -> None:
    sides.add(good=997, bad=3)
    run_id = run_orders(airflow)
    states = airflow.task_states("erp.shop", run_id)
    assert {states[f"orders.{stage}"] for stage in STAGES} == {"success"}
    assert {states[f"events.{stage}"] for stage in STAGES} == {"skipped"}
    assert counters(airflow, "erp.shop", run_id, "orders.report") == {
        "read": 1000, "loaded": 997, "inserted": 997, "rejected": 3,
    }  # fmt: skip
    assert sides.differences() == []
    assert sides.rejected(run_id) == 3
    assert "not_null(customer): 3" in airflow.task_log("erp.shop", run_id, "orders.report")


def test_an_interface_that_is_not_there_cannot_be_chosen(airflow: Cluster) -> None:
    with pytest.raises(AssertionError, match="ordrs"):
        airflow.trigger("erp.shop", {"interfaces": ["ordrs"]})


def test_clearing_an_old_run_reads_its_own_window_again(airflow: Cluster, sides: Shop) -> None:
    runs = []
    sides.add(good=1, bad=0)
    run_orders(airflow)
    for day in (1, 2):
        sides.add(good=20, bad=1)
        execute(sides.source, f"INSERT INTO events SELECT n, '2026-02-0{day}Z' FROM generate_series(1, 9) n")
        runs.append(finish(airflow, "erp.shop", airflow.trigger("erp.shop")))
    before = {name: sides.checkpoint(f"erp.shop.{name}") for name in ("orders", "events")}
    old = runs[0]
    airflow.clear("erp.shop", old)
    finish(airflow, "erp.shop", old)
    again = counters(airflow, "erp.shop", old, "orders.report")
    assert (again["read"], again["loaded"], again["rejected"]) == (22, 21, 1)  # with the one at the boundary
    assert counters(airflow, "erp.shop", old, "events.report") == {
        "read": 9, "loaded": 9, "inserted": 9, "deleted": 9,
    }  # fmt: skip
    assert {name: sides.checkpoint(f"erp.shop.{name}") for name in before} == before
    assert sides.differences() == []
    assert sides.rejected(old) == 1
    events = "SELECT id, at FROM {} ORDER BY at, id"
    assert execute(sides.target, events.format("ods.events")) == execute(sides.source, events.format("events"))


@pytest.mark.parametrize("edge", EDGES)
def test_a_task_killed_at_any_edge_is_tried_again_and_each_row_is_there_once(
    airflow: Cluster, sides: Shop, edge: str
) -> None:
    sides.add(good=1, bad=0)
    run_orders(airflow)
    sides.add(good=40, bad=2)
    airflow.arm(f"{edge}:kill")
    run_id = run_orders(airflow)
    assert not airflow.armed()
    got = counters(airflow, "erp.shop", run_id, "orders.report")
    assert (got["read"], got["loaded"], got["rejected"]) == (43, 41, 2)
    assert sides.differences() == []
    assert sides.rejected(run_id) == 2


def test_a_scheduled_run_and_a_backfill_of_a_range(airflow: Cluster, sides: Shop) -> None:
    airflow.unpause("erp.daily")
    wait_for(lambda: airflow.runs("erp.daily", "scheduled"), 30, "the scheduler starts a run", every_s=0.3)
    scheduled = airflow.runs("erp.daily", "scheduled")[0]["dag_run_id"]
    finish(airflow, "erp.daily", scheduled)
    assert counters(airflow, "erp.daily", scheduled, "visits.sync") == {"read": 240, "loaded": 240, "inserted": 240}
    reached = sides.checkpoint("erp.daily.visits")

    execute(sides.target, "DELETE FROM ods.visits")
    execute(sides.source, "UPDATE visits SET page = page || '!'")
    made = airflow.backfill("erp.daily", "2026-01-03", "2026-01-04")
    assert len(made) == 2
    for run_id in made:
        finish(airflow, "erp.daily", run_id)
        assert counters(airflow, "erp.daily", run_id, "visits.sync") == {"read": 24, "loaded": 24, "inserted": 24}
    got = execute(sides.target, "SELECT id, page FROM ods.visits ORDER BY id")
    assert got == [(n, f"p{n}!") for n in range(48, 96)]
    assert sides.checkpoint("erp.daily.visits") == reached


def _sleeping(source: ConnectionInfo) -> int:
    sql = "SELECT query FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid()"
    return sum("pg_sleep" in query for (query,) in execute(source, sql))


def test_marking_a_task_failed_stops_its_query_on_the_server(airflow: Cluster, sides: Shop) -> None:
    execute(sides.source, "UPDATE pace SET seconds = 300")
    run_id = airflow.trigger("erp.slow")
    wait_for(lambda: _sleeping(sides.source), 60, "the slow query runs", every_s=0.2)
    airflow.set_state("erp.slow", run_id, "slow.extract", "failed")
    wait_for(lambda: not _sleeping(sides.source), 10, "the query is cancelled on the server", every_s=0.2)
    finish(airflow, "erp.slow", run_id, "failed")
    assert airflow.task_states("erp.slow", run_id)["slow.report"] == "failed"
    execute(sides.source, "UPDATE pace SET seconds = 0")
    again = finish(airflow, "erp.slow", airflow.trigger("erp.slow"))
    assert counters(airflow, "erp.slow", again, "slow.report") == {"read": 10, "loaded": 10, "inserted": 10}


def test_a_run_that_meets_another_waits_without_a_worker(airflow: Cluster, sides: Shop) -> None:
    def connections(name: str) -> ConnectionInfo:
        return {"shop": sides.source, "warehouse": sides.target}[name]

    plan = load_project(airflow.project / "config", only=("erp", "slow")).plan("erp.slow.slow")
    held = engine.check(plan, engine.RunRequest("cli__1"), connections)
    run_id = airflow.trigger("erp.slow")
    airflow.wait_task("erp.slow", run_id, "slow.check", ["deferred"])
    engine.report(plan, held, None, connections, error={"class": "CancelledError", "what": "given up"})
    finish(airflow, "erp.slow", run_id)
    assert "'cli__1'" in airflow.task_log("erp.slow", run_id, "slow.check")
    assert counters(airflow, "erp.slow", run_id, "slow.report")["read"] == 10


def test_one_alert_per_run_whatever_the_retries(airflow: Cluster, slack: tuple[str, list[str]]) -> None:
    run_id = finish(airflow, "erp.alarm", airflow.trigger("erp.alarm"), "failed")
    tries = {task: airflow.task("erp.alarm", run_id, task)["try_number"] for task in ("gate.load", "nowhere.check")}
    assert tries == {"gate.load": 1, "nowhere.check": 2}
    states = airflow.task_states("erp.alarm", run_id)
    assert {name: states[f"{name}.report"] for name in ("gate", "nowhere", "fine")} == {
        "gate": "failed", "nowhere": "failed", "fine": "success",
    }  # fmt: skip
    heads = sorted(text.split(":")[0] for text in slack[1])
    assert heads == ["erp.alarm.fine", "erp.alarm.gate failed", "erp.alarm.nowhere failed"]
    assert "erp.alarm.fine: read 7, loaded 7, rejected 0" in slack[1]


def test_a_broken_file_says_where_and_harms_no_other(airflow: Cluster) -> None:
    dags = airflow.dags()
    assert {"erp.shop", "erp.daily", "erp.broken"} <= set(dags)
    assert "config-error" in {tag["name"] for tag in dags["erp.broken"]["tags"]}
    assert "erp" not in str(airflow.import_errors())
    run_id = finish(airflow, "erp.broken", airflow.trigger("erp.broken"), "failed")
    log = airflow.task_log("erp.broken", run_id, "read_config")
    assert "config/sources/erp/broken.yaml:6:5" in log
    assert "did you mean 'primary_key'" in log
