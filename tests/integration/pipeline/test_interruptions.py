"""A run that is stopped from outside: Ctrl-C, SIGTERM, a connection lost in COMMIT, a server that goes away."""

from __future__ import annotations

import signal
import time

import pytest

from sync_provider.core.errors import ConnectError
from sync_provider.core.systems.postgres.session import PgSession
from tests.integration.pipeline.project import Project

SLOW = """
    source: {type: postgres, connection: shop}
    target: {connection: dwh, schema: ods}
    interfaces:
      slow:
        query: "select n, pg_sleep(0.5)::text as nap from generate_series(1, 1000) n"
        primary_key: n
    """
FILES = """
    source: {type: file, path: inbox}
    target: {connection: dwh}
    interfaces:
      orders: {files: orders.csv, primary_key: id}
    """
OURS = "select count(*) from pg_stat_activity where application_name like 'sync-provider%' and state = 'active'"


def _until(project: Project, busy: bool, seconds: float) -> float:
    """Wait until the server is busy with us, or no more; return how long it took."""
    start = time.monotonic()
    while (project.rows(OURS)[0][0] > 0) is not busy:
        assert time.monotonic() - start < seconds, f"busy={not busy} for more than {seconds} s"
        time.sleep(0.1)
    return time.monotonic() - start


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_frees_the_server(pg: Project, number: signal.Signals) -> None:
    pg.yaml("crm", SLOW)
    process = pg.command("run", "erp.crm.slow")
    _until(pg, busy=True, seconds=30)
    process.send_signal(number)
    _until(pg, busy=False, seconds=10)
    _out, err = process.communicate(timeout=10)
    assert process.returncode == 130
    assert "cancelled" in err
    assert "Traceback" not in err
    assert pg.rows("select count(*) from ods.slow") == [(0,)]
    assert pg.rows("select run_id from ods._sync_lease where interface = 'erp.crm.slow'") == [(None,)], (
        "the lease is given back"
    )


def test_killed_by_force_the_server_is_free_too(pg: Project) -> None:
    pg.yaml("crm", SLOW)
    process = pg.command("run", "erp.crm.slow")
    _until(pg, busy=True, seconds=30)
    process.kill()
    process.communicate()
    _until(pg, busy=False, seconds=10)


@pytest.mark.parametrize("committed", [True, False])
def test_a_connection_lost_in_commit_is_settled_by_the_ledger(
    pg: Project, monkeypatch: pytest.MonkeyPatch, committed: bool
) -> None:
    pg.yaml("crm", FILES)
    pg.csv("orders.csv", "id,name", "1,a", "2,b")
    honest, lost = PgSession.commit, []

    def loses_the_answer(self: PgSession) -> None:
        if lost or not _holds_the_rows(self):
            honest(self)
            return
        lost.append(True)
        if committed:
            honest(self)
        raise ConnectError("the connection was lost")

    monkeypatch.setattr(PgSession, "commit", loses_the_answer)
    if committed:
        assert pg.run("crm.orders", "r1").counters.loaded == 2
    else:
        with pytest.raises(ConnectError):
            pg.run("crm.orders", "r1")
    assert lost
    assert pg.rows("select count(*) from orders") == [(2 if committed else 0,)]


def _holds_the_rows(session: PgSession) -> bool:
    """Whether this session's transaction has marked the run done, which only the data transaction does."""
    return bool(session.fetch("select 1 from _sync_load where status = 'done'"))


def test_a_source_that_is_gone_is_a_connection_error(pg: Project) -> None:
    pg.yaml("crm", SLOW.replace("connection: shop", "connection: gone"))
    with pytest.raises(Exception, match="'gone' is not defined"):
        pg.run("crm.slow", "r1")
    done = pg.call("run", "erp.crm.slow", AIRFLOW_CONN_GONE="postgres://u:hunter2@127.0.0.1:1/db")
    assert done.returncode == 1
    assert "127.0.0.1:1" in done.stderr
    assert "hunter2" not in done.stdout + done.stderr
