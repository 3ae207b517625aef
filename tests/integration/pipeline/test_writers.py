"""Two writers never interleave: overlap, dead holders, stopped writers, lost leases."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from dataclasses import replace

import pytest

from sync_provider.core import engine
from sync_provider.core.contracts import Counters
from sync_provider.core.engine import guard
from sync_provider.core.engine.opening import open_target
from sync_provider.core.engine.stages import Cut, Stages
from sync_provider.core.errors import BusyError, CancelledError, ContractError, SkippedError
from tests.integration.pipeline.project import Project

YAML = """
    source: {type: file, path: inbox}
    target: {connection: dwh}
    interfaces:
      orders:
        files: orders.csv
        write: append
        overlap: %s
        columns: {id: {type: bigint}}
    """


def _lay_out(project: Project, overlap: str) -> None:
    project.yaml("crm", YAML % overlap)
    project.csv("orders.csv", "id,name", *[f"{n},x" for n in range(100)])


def _hanging(project: Project, edge: str = "copy", **env: str):  # type: ignore[no-untyped-def]
    """Start a run that hangs at an edge, its rows in the open transaction."""
    process = project.command("run", "erp.crm.orders", "--run-id", "first", SYNC_FAILPOINT=f"{edge}:hang", **env)
    waiting = "select 1 from _sync_lease where run_id = 'first'"
    if project.target.type == "postgres":
        waiting += " and backend is not null"
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()
        try:
            if project.rows(waiting):
                break
        except Exception as error:  # noqa: BLE001 - the tables are not there yet
            last = error
        time.sleep(0.1)
    else:
        raise AssertionError(f"the first run never came to {edge}: {last}")
    time.sleep(0.5)
    return process


def _stop(process) -> None:  # type: ignore[no-untyped-def]
    process.send_signal(signal.SIGCONT)
    process.kill()
    process.communicate()


@pytest.mark.parametrize(("overlap", "error"), [("skip", SkippedError), ("wait", BusyError)])
def test_a_second_run_obeys_overlap(pg: Project, overlap: str, error: type[Exception]) -> None:
    _lay_out(pg, overlap)
    first = _hanging(pg)
    try:
        with pytest.raises(error, match="first"):
            pg.run("crm.orders", "second")
        assert pg.rows("select count(*) from orders") == [(0,)]
    finally:
        _stop(first)


def test_cancel_running_ends_the_first(pg: Project) -> None:
    _lay_out(pg, "cancel_running")
    first = _hanging(pg)
    try:
        assert pg.run("crm.orders", "second").counters.loaded == 100
        assert pg.rows("select count(*) from orders") == [(100,)]
    finally:
        _stop(first)


def test_a_writer_whose_connection_the_next_run_cut_is_cancelled(pg: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    _lay_out(pg, "cancel_running")
    honest, others = Stages.quality, []

    def meets_another(self: Stages, cut: Cut) -> Cut:
        if not others:
            others.append(None)
            others.append(pg.run("crm.orders", "second"))
        return honest(self, cut)

    monkeypatch.setattr(Stages, "quality", meets_another)
    with pytest.raises(CancelledError, match="lease was lost"):
        pg.run("crm.orders", "first")
    assert pg.rows("select _sync_run_id, count(*) from orders group by 1") == [("second", 100)]


def test_the_command_line_waits_for_the_first(pg: Project) -> None:
    _lay_out(pg, "wait")
    first = _hanging(pg)
    second = pg.command("run", "erp.crm.orders", "--run-id", "second")
    time.sleep(4)
    assert second.poll() is None
    _stop(first)
    _out, err = second.communicate(timeout=60)
    assert second.returncode == 0, err
    assert "waiting" in err
    assert pg.rows("select count(*) from orders") == [(100,)]


def test_a_dead_holder_blocks_nobody(project: Project) -> None:
    _lay_out(project, "wait")
    first = _hanging(project, edge="begin")
    first.kill()
    first.communicate()
    assert project.run("crm.orders", "second").counters.loaded == 100


def test_a_stopped_writer_does_not_block_its_successor(pg: Project) -> None:
    _lay_out(pg, "wait")
    first = _hanging(pg, SYNC_LEASE_TTL_S="2")
    try:
        os.kill(first.pid, signal.SIGSTOP)
        start = time.monotonic()
        report = pg.call("run", "erp.crm.orders", "--run-id", "second", SYNC_LEASE_TTL_S="2")
        assert report.returncode == 0, report.stderr
        assert time.monotonic() - start < 30
        os.kill(first.pid, signal.SIGCONT)
        time.sleep(1)
    finally:
        _stop(first)
    assert pg.rows("select count(*), count(distinct _sync_run_id) from orders") == [(100, 1)]


def test_a_run_that_lost_its_lease_cannot_commit(project: Project) -> None:
    _lay_out(project, "wait")
    plan = project.plan("crm.orders")
    ticket = engine.check(plan, engine.RunRequest("slow"), project.connections)
    cancel = engine.Cancel()
    handover = engine.extract(plan, ticket, project.connections, cancel)
    handover = engine.transform(plan, ticket, handover, project.connections, cancel)
    handover = engine.quality(plan, ticket, handover, project.connections, cancel)
    thief = replace(plan, overlap="cancel_running")
    stolen = engine.check(thief, engine.RunRequest("thief"), project.connections)
    with pytest.raises(CancelledError, match="lease"):
        engine.load(plan, ticket, handover, project.connections, engine.Cancel())
    assert project.rows("select count(*) from orders") == [(0,)]
    assert stolen["token"] > ticket["token"]


def test_a_leak_of_one_row_stops_the_commit(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    _lay_out(project, "wait")
    honest = Stages.quality

    def loses_one(self: Stages, cut: Cut) -> Cut:
        made = honest(self, cut)
        return replace(made, frame=made.frame.tail(-1))

    monkeypatch.setattr(Stages, "quality", loses_one)
    with pytest.raises(ContractError, match="1 of 100 rows read are not accounted for"):
        project.run("crm.orders", "r1")
    assert project.rows("select count(*) from orders") == [(0,)]
    assert Counters(read=3, loaded=1, rejected=2).leak() == 0


def test_two_interfaces_into_one_table_take_turns(pg: Project) -> None:
    merged = (YAML % "wait").replace("write: append", "primary_key: id")
    _lay_out(pg, "wait")
    pg.yaml("crm", merged)
    pg.yaml("two", merged.replace("      orders:", "      again:\n        target: {table: orders}", 1))
    first = _hanging(pg)
    second = pg.command("run", "erp.two.again", "--run-id", "second")
    try:
        time.sleep(3)
        assert second.poll() is None, second.communicate()
        waiting = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and query like '%_sync_lease%'"
        assert pg.rows(waiting) == [(1,)]
    finally:
        _stop(first)
    _out, err = second.communicate(timeout=60)
    assert second.returncode == 0, err
    assert pg.rows("select distinct _sync_run_id from orders") == [("second",)]


def test_the_run_that_was_cancelled_does_not_take_its_lease_back(lite: Project) -> None:
    _lay_out(lite, "cancel_running")
    lite.csv("orders.csv", "id,name", *[f"{number},x" for number in range(400_000)])
    first = lite.command("run", "erp.crm.orders", "--run-id", "first")
    while not _reads(lite, "first"):
        assert first.poll() is None, first.communicate()
        time.sleep(0.02)
    first.send_signal(signal.SIGSTOP)
    second = lite.call("run", "erp.crm.orders", "--run-id", "second")
    first.send_signal(signal.SIGCONT)
    _out, err = first.communicate(timeout=60)
    assert (first.returncode, second.returncode) == (1, 0), (err, second.stderr)
    assert "the lease was lost to another run" in err
    assert lite.rows("select _sync_run_id, count(*) from orders group by 1") == [("second", 400_000)]


def _reads(project: Project, run_id: str) -> bool:
    """Whether a run has the lease, and what it writes before its rows is behind it: stopped there, it locks nothing."""
    announced = "select 1 from _sync_lease where interface like 'table:%'"
    return _holds(project, run_id) and bool(project.rows(announced))


def _holds(project: Project, run_id: str) -> bool:
    try:
        return bool(project.rows(f"select 1 from _sync_lease where run_id = '{run_id}'"))
    except sqlite3.OperationalError:
        return False  # the tables are not there yet


def test_a_heartbeat_outlives_its_connection(pg: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNC_LEASE_TTL_S", "2")
    _lay_out(pg, "wait")
    plan, cancel = pg.plan("crm.orders"), engine.Cancel()
    engine.check(plan, engine.RunRequest("r1"), pg.connections)
    with open_target(plan, pg.connections) as target:
        session = target.session()
        token = guard.acquire(plan, "r1", session, target, task=False)
        with guard.heartbeat(plan, token, target, cancel, task=False):
            pg.target_sql(
                "select pg_terminate_backend(pid) from pg_stat_activity "
                "where application_name like 'sync-provider%' and state = 'idle'"
            )
            time.sleep(4)
            alive = "select expires_at > clock_timestamp() from _sync_lease where interface = 'erp.crm.orders'"
            assert pg.rows(alive) == [(True,)]
    assert not cancel.requested


def test_heartbeats_do_not_break_a_transaction_where_the_server_isolates_more(
    pg: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    pg.target_sql(f"alter database {pg.target.schema} set default_transaction_isolation = 'repeatable read'")
    monkeypatch.setenv("SYNC_LEASE_TTL_S", "0.2")
    _lay_out(pg, "wait")
    stages = Stages.quality

    def slowly(self: Stages, cut: Cut) -> Cut:
        time.sleep(0.5)  # within the transaction, which has read already
        return stages(self, cut)

    monkeypatch.setattr(Stages, "quality", slowly)
    assert pg.run("crm.orders", "r1").counters.loaded == 100


def test_a_holder_elsewhere_is_never_thought_dead() -> None:
    here = guard.holder()
    machine, pid, started = here.rsplit(":", 2)
    assert not guard.is_dead(here)
    assert guard.is_dead(f"{machine}:{pid}:1")
    assert not guard.is_dead(f"another/4026531836:{pid}:1")
    assert not guard.is_dead(f"{machine.split('/')[0]}/1:{pid}:{started}")
