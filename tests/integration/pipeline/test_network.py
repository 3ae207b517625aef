"""Faults of network, servers and disk in mid-run: an error that says so, and the next try is exact."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from sync_provider.core import engine
from sync_provider.core.contracts import ConnectionInfo
from sync_provider.core.errors import ConnectError, ResourceError, SyncError
from tests.integration.pipeline.project import Project
from tests.services.postgres import PostgresServer
from tests.services.proxy import Proxy

ROWS = 20_000
YAML = """
    source: {type: postgres, connection: shop}
    target: {connection: dwh, schema: ods}
    batch: {rows: 500}
    timeout: 60s
    interfaces:
      orders: {table: orders, %s}
    """
WRITES = {"merge": "primary_key: id", "append": "write: append"}
FILL = (
    "create table orders as select n as id, repeat(md5(n::text), 20) as name, n * 0.25 as amount "
    f"from generate_series(1, {ROWS}) n"
)


@pytest.fixture
def proxied(postgres_server: PostgresServer, tmp_path: Path) -> Iterator[tuple[Project, Proxy, Proxy]]:
    """A project on PostgreSQL, its source and its target each behind a network of ours."""
    target, source = postgres_server.create_database(), postgres_server.create_database()
    with Proxy(postgres_server.port) as to_target, Proxy(postgres_server.port) as to_source:
        project = Project.make(tmp_path, to_target.through(target), to_source.through(source))
        project.source_sql(FILL)
        yield project, to_target, to_source
    postgres_server.drop_database(target)
    postgres_server.drop_database(source)


def _whole(project: Project) -> None:
    assert project.rows("select count(*), count(distinct id), sum(amount) from ods.orders") == [
        (ROWS, ROWS, sum(n * 25 for n in range(1, ROWS + 1)) / 100)
    ]


def _nothing(project: Project) -> None:
    there = project.rows("select to_regclass('ods.orders') is not null")[0][0]
    assert not there or project.rows("select count(*) from ods.orders") == [(0,)]


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("side", ["source", "target"])
@pytest.mark.parametrize("after_bytes", [30_000, 3_000_000])
def test_a_network_that_is_cut(proxied: tuple[Project, Proxy, Proxy], side: str, write: str, after_bytes: int) -> None:
    project, to_target, to_source = proxied
    project.yaml("crm", YAML % WRITES[write])
    proxy = to_source if side == "source" else to_target
    proxy.cut_after(after_bytes)
    with pytest.raises(ConnectError) as caught:
        project.run("crm.orders", "r1")
    assert repr("shop" if side == "source" else "dwh") in str(caught.value), "the error names the connection"
    _nothing(project)
    assert project.run("crm.orders", "r1").counters.loaded == ROWS
    _whole(project)


def test_a_target_that_is_away_for_a_while(proxied: tuple[Project, Proxy, Proxy]) -> None:
    project, to_target, _ = proxied
    project.yaml("crm", YAML % WRITES["merge"])
    to_target.refuse()
    with pytest.raises(ConnectError):
        project.run("crm.orders", "r1")
    to_target.flow()
    assert project.run("crm.orders", "r1").counters.loaded == ROWS
    _whole(project)


def test_a_slow_network_only_takes_longer(proxied: tuple[Project, Proxy, Proxy]) -> None:
    project, to_target, to_source = proxied
    project.yaml("crm", YAML % WRITES["merge"])
    to_target.delay(0.002)
    to_source.delay(0.002)
    assert project.run("crm.orders", "r1").counters.loaded == ROWS
    _whole(project)


def test_half_open_a_run_that_is_stopped_frees_its_successor(proxied: tuple[Project, Proxy, Proxy]) -> None:
    """The writer hangs behind a dead network; another one takes over as soon as its lease has run out."""
    project, to_target, _ = proxied
    project.yaml("crm", YAML.replace("timeout: 60s", "overlap: cancel_running") % WRITES["merge"])
    around = Project(project.root, _direct(project.target, to_target), project.source)
    hanging = project.command("run", "erp.crm.orders", "--run-id", "r1", SYNC_FAILPOINT="copy:hang")
    try:
        _until(lambda: around.rows("select 1 from ods._sync_lease where backend is not null"), 30)
        to_target.stall()
        assert around.run("crm.orders", "r2").counters.loaded == ROWS
        _whole(around)
    finally:
        hanging.kill()
        hanging.communicate()
        to_target.flow()
    _whole(around)


@pytest.mark.parametrize("which", ["target", "source"])
def test_a_database_that_is_restarted(tmp_path: Path, postgres: ConnectionInfo, which: str) -> None:
    """`immediate`: as if the machine had lost its power."""
    server = PostgresServer.start(synchronous_commit="on")
    try:
        away = server.create_database()
        target, source = (away, postgres) if which == "target" else (postgres, away)
        project = Project.make(tmp_path, target, source)
        project.yaml("crm", YAML % WRITES["merge"])
        project.source_sql(FILL)
        with pytest.raises(SyncError) as caught:
            _crash_when_busy(server, project)
        assert caught.value.retryable, caught.value
        assert project.run("crm.orders", "r1").counters.loaded == ROWS
        _whole(project)
    finally:
        server.stop()


def _crash_when_busy(server: PostgresServer, project: Project) -> None:
    """Run, and crash the server when the first rows have been read."""

    def crash(_rows: int, _total: int | None) -> None:
        if server.process.poll() is None:
            server.crash()

    try:
        request = engine.RunRequest("r1")
        engine.run(project.plan("crm.orders"), request, project.connections, engine.Cancel(), crash)
    finally:
        server.restart()


def test_a_disk_that_is_full_in_staging(lite: Project) -> None:
    lite.yaml("crm", "source: {type: file, path: inbox}\ntarget: {connection: dwh}\n"
                     "interfaces: {orders: {files: orders.csv, primary_key: id}}\n")  # fmt: skip
    lite.csv("orders.csv", "id,name", *(f"{n},{os.urandom(24).hex()}" for n in range(20_000)))
    staging = lite.root / ".sync" / "staging"
    staging.mkdir(parents=True)
    if shutil.which("unshare") is None or subprocess.run(["unshare", "-rm", "true"], check=False).returncode:
        pytest.skip("no mount namespace here: run as a user who may `unshare -rm`")
    drive = f"{sys.executable} -m tests.integration.pipeline.drive {lite.root / 'config'} erp.crm.orders r1"
    full = f"mount -t tmpfs -o size=128k tmpfs {staging} && exec {drive}"
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", full], env=lite.env(), cwd=Path(__file__).parents[3], capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert ResourceError.__name__ in done.stderr
    assert "fix: " in done.stderr
    assert lite.rows("select count(*) from orders") == [(0,)]
    assert lite.run_staged("crm.orders", "r1").counters.loaded == 20_000


def test_a_stopped_writer_that_wakes_up_late_commits_nothing(pg: Project) -> None:
    """SIGSTOP, a successor finishes, SIGCONT: the zombie's COMMIT is refused."""
    pg.yaml("crm", YAML.replace("timeout: 60s", "overlap: cancel_running") % WRITES["merge"])
    pg.source_sql(FILL)
    zombie = pg.command("run", "erp.crm.orders", "--run-id", "r1")
    _until(lambda: pg.rows("select 1 from ods._sync_lease where backend is not null"), 30)
    zombie.send_signal(signal.SIGSTOP)
    try:
        pg.source_sql("update orders set name = 'new'")
        assert pg.run("crm.orders", "r2").counters.loaded == ROWS
    finally:
        zombie.send_signal(signal.SIGCONT)
    _, err = zombie.communicate(timeout=60)
    assert zombie.returncode != 0, err
    assert "Traceback" not in err
    assert pg.rows("select count(*) from ods.orders where name = 'new'") == [(ROWS,)]
    assert pg.rows("select run_id, status from ods._sync_load where status = 'done'") == [("r2", "done")]


def _direct(info: ConnectionInfo, proxy: Proxy) -> ConnectionInfo:
    return replace(info, port=proxy.server_port)


def _until(ready: Callable[[], object], seconds: float) -> None:
    start = time.monotonic()
    while True:
        try:
            if ready():
                return
        except Exception:  # noqa: BLE001 - the table is not there yet
            pass
        assert time.monotonic() - start < seconds
        time.sleep(0.05)


def test_a_writer_that_was_stopped_with_the_lease_locked_frees_its_successor(pg: Project) -> None:
    """Each chunk's transaction checks the lease before its COMMIT: stopped there, the writer holds the row itself."""
    pg.yaml("crm", YAML.replace("timeout: 60s", "overlap: cancel_running") % "primary_key: id, load: staged")
    pg.source_sql(FILL)
    stopped = pg.command("run", "erp.crm.orders", "--run-id", "r1", SYNC_FAILPOINT="chunk@3:hang")
    try:
        _until(lambda: pg.rows("select 1 from ods._sync_chunk where number = 2"), 30)
        _until(lambda: pg.rows("select 1 from pg_stat_activity where state = 'idle in transaction' "
                               "and application_name like 'sync%'"), 30)  # fmt: skip
        time.sleep(0.5)
        begun = time.monotonic()
        assert pg.run("crm.orders", "r2").counters.loaded == ROWS
        assert time.monotonic() - begun < 30, "it did not wait for the lock's timeout of 60 s"
    finally:
        stopped.kill()
        stopped.communicate()
    _whole(pg)


@pytest.mark.parametrize("load", ["", ", load: staged"], ids=["one transaction", "chunks"])
def test_a_second_try_of_the_same_load_ends_the_first(pg: Project, monkeypatch: pytest.MonkeyPatch, load: str) -> None:
    """Airflow gave the first try up for want of heartbeats; it may still hold the locks that the second needs."""
    pg.yaml("crm", YAML % f"primary_key: id{load}")
    pg.source_sql(FILL)
    plan, cancel = pg.plan("crm.orders"), engine.Cancel()
    ticket = engine.check(plan, engine.RunRequest("r1"), pg.connections)
    handover = engine.extract(plan, ticket, pg.connections, cancel)
    handover = engine.transform(plan, ticket, handover, pg.connections, cancel)
    handover = engine.quality(plan, ticket, handover, pg.connections, cancel)
    inside, goes_on, failed = threading.Event(), threading.Event(), []

    def stops(edge: str) -> None:
        if edge == "copy" and threading.current_thread() is first:
            inside.set()
            goes_on.wait(60)

    def try_first() -> None:
        try:
            engine.load(plan, ticket, handover, pg.connections, engine.Cancel())
        except SyncError as error:
            failed.append(error)

    monkeypatch.setattr("sync_provider.core.engine.writing.failpoint", stops)
    monkeypatch.setattr("sync_provider.core.engine.chunked.failpoint", stops)
    first = threading.Thread(target=try_first)
    first.start()
    assert inside.wait(30)
    begun = time.monotonic()
    outcome = engine.load(plan, ticket, handover, pg.connections, engine.Cancel())
    assert time.monotonic() - begun < 30, "it did not wait for the lock's timeout of 60 s"
    goes_on.set()
    first.join(60)
    assert engine.report_from_json(outcome).counters.loaded == ROWS
    assert failed, "the first try does not commit after the second"
    _whole(pg)
