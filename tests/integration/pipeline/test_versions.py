"""State tables as the version before made them: brought up by one process, and still good for that version."""

from __future__ import annotations

import pytest

from sync_provider.core import engine
from sync_provider.core.errors import ConfigError, ContractError
from sync_provider.core.ledger.tables import VERSION
from tests.integration.pipeline.project import Project

#: as version 1 made them; frozen
_V1 = [
    "CREATE TABLE _sync_checkpoint (interface TEXT NOT NULL, shard TEXT NOT NULL, value TEXT NOT NULL, cursor TEXT, "
    "run_id TEXT NOT NULL, updated_at {time} NOT NULL, PRIMARY KEY (interface, shard))",
    "CREATE TABLE _sync_lease (interface TEXT NOT NULL, shard TEXT NOT NULL, token BIGINT NOT NULL, run_id TEXT, "
    "holder TEXT, backend TEXT, expires_at {time} NOT NULL, heartbeat_at {time} NOT NULL, "
    "PRIMARY KEY (interface, shard))",
    "CREATE TABLE _sync_load (interface TEXT NOT NULL, shard TEXT NOT NULL, run_id TEXT NOT NULL, "
    "status TEXT NOT NULL, token BIGINT NOT NULL, done_token BIGINT, try_number INTEGER NOT NULL, kind TEXT NOT NULL, "
    "since TEXT, until TEXT, rows_read BIGINT, rows_loaded BIGINT, rows_superseded BIGINT, rows_rejected BIGINT, "
    "rows_dropped BIGINT, rows_deduplicated BIGINT, rows_filtered BIGINT, rows_inserted BIGINT, rows_updated BIGINT, "
    "rows_unchanged BIGINT, rows_deleted BIGINT, rows_warned BIGINT, checkpoint_before TEXT, error TEXT, "
    "config_hash TEXT NOT NULL, started_at {time} NOT NULL, ended_at {time}, "
    "PRIMARY KEY (interface, shard, run_id))",
    "CREATE TABLE _sync_rejected (interface TEXT NOT NULL, shard TEXT NOT NULL, run_id TEXT NOT NULL, "
    "row_number BIGINT NOT NULL, position TEXT, kind TEXT, rule TEXT, message TEXT, key TEXT, data TEXT, raw TEXT, "
    "state TEXT NOT NULL, config_hash TEXT NOT NULL, created_at {time} NOT NULL, "
    "PRIMARY KEY (interface, shard, run_id, row_number))",
    "CREATE TABLE _sync_version (version INTEGER NOT NULL PRIMARY KEY)",
    "INSERT INTO _sync_version (version) VALUES (1)",
]
#: what version 1 enters for a run
_V1_RUN = (
    "INSERT INTO _sync_load (interface, shard, run_id, status, token, try_number, kind, since, until, "
    "config_hash, started_at) "
    "VALUES ('erp.crm.orders', '', '{run}', 'done', 1, 1, 'full', NULL, NULL, 'h', '2026-01-02 03:04:05+00')"
)


@pytest.fixture
def old(project: Project) -> Project:
    """A project whose target holds the state of version 1: a run that is done."""
    project.yaml(
        "crm",
        """
        source: {type: file, path: inbox}
        target: {connection: dwh}
        interfaces:
          orders:
            files: orders.csv
            primary_key: id
        """,
    )
    project.csv("orders.csv", "id,name", "1,a", "2,b")
    time = "DATETIME" if project.target.type == "sqlite" else "TIMESTAMP WITH TIME ZONE"
    project.target_sql(*(sql.format(time=time) for sql in _V1), _V1_RUN.format(run="before"))
    return project


def test_a_run_brings_them_up_and_counts_right(old: Project) -> None:
    report = old.run("crm.orders", "r1")
    assert (report.counters.read, report.counters.loaded) == (2, 2)
    assert old.rows("select version from _sync_version") == [(VERSION,)]
    assert old.rows("select run_id, rows_loaded, rows_removed from _sync_load order by run_id") == [
        ("before", None, None),
        ("r1", 2, 0),
    ]
    assert old.rows("select count(*) from _sync_chunk") == [(0,)]
    old.target_sql(_V1_RUN.format(run="of the version before, still at work elsewhere"))


def test_init_brings_them_up_once(old: Project) -> None:
    plan = old.plan("crm.orders")
    assert engine.create_state(plan, old.connections) is True
    assert engine.create_state(plan, old.connections) is False


def test_two_processes_at_once(old: Project) -> None:
    starts = [old.command("run", "erp.crm.orders", "--run-id", f"r{n}") for n in (1, 2)]
    said = [process.communicate(timeout=120) for process in starts]
    assert "column" not in "".join(err for _, err in said), said
    assert sorted(process.returncode for process in starts)[0] == 0, said
    assert old.rows("select version from _sync_version") == [(VERSION,)]


def test_what_an_administrator_runs_does_the_same(old: Project) -> None:
    if old.target.type == "sqlite":
        assert not [sql for sql in engine.state_sql(old.plan("crm.orders"), old.connections) if "ALTER" in sql]
        return
    for _ in range(2):
        old.target_sql(*engine.state_sql(old.plan("crm.orders"), old.connections))
    assert engine.create_state(old.plan("crm.orders"), old.connections) is False
    assert old.run("crm.orders", "r1").counters.loaded == 2


def test_the_next_version_is_worked_with_and_a_later_one_refused(old: Project) -> None:
    old.run("crm.orders", "r1")
    old.target_sql(f"UPDATE _sync_version SET version = {VERSION + 1}")
    assert old.run("crm.orders", "r2").counters.read == 2
    old.target_sql(f"UPDATE _sync_version SET version = {VERSION + 2}")
    with pytest.raises(ConfigError, match=f"are of version {VERSION + 2}") as refused:
        old.run("crm.orders", "r3")
    assert "install the newer" in refused.value.fix
    assert old.rows("select version from _sync_version") == [(VERSION + 2,)]


def test_chunks_that_cannot_be_read(old: Project) -> None:
    old.run("crm.orders", "r1")
    old.target_sql(
        "INSERT INTO _sync_chunk (interface, shard, number, run_id, token, basis, position, rows_staged, "
        "rows_rejected, counters, rules, places, at) "
        "VALUES ('erp.crm.orders', '', 0, 'r2', 9, 'b', '', 0, 0, '{{', '{}', '[]', "
        "'2026-01-02 03:04:05+00')"
    )
    with pytest.raises(ContractError, match="chunk 0 of run 'r2' in _sync_chunk cannot be read") as corrupt:
        old.run("crm.orders", "r2")
    old.target_sql(corrupt.value.fix.partition(";")[0])
    assert old.run("crm.orders", "r2").counters.read == 2


@pytest.mark.parametrize("value", ["", "yesterday", "2026-13-45", "{"])
def test_a_checkpoint_that_is_none(project: Project, value: str) -> None:
    project.yaml(
        "shop",
        f"""
        source: {{type: {project.source.type}, connection: shop}}
        target: {{connection: dwh}}
        interfaces:
          orders:
            table: src
            target: {{table: loaded}}
            primary_key: id
            incremental: {{cursor: at, lag: 0s}}
        """,
    )
    project.source_sql(
        "create table src (id integer primary key, at timestamp)", "insert into src values (1, '2026-01-02 03:04:05')"
    )
    assert project.run("shop.orders", "r1").counters.loaded == 1
    project.target_sql(f"update _sync_checkpoint set value = '{value}'")
    with pytest.raises(ConfigError, match="checkpoint") as refused:
        project.run("shop.orders", "r2")
    assert "state reset erp.shop.orders" in refused.value.fix
    assert project.rows("select value from _sync_checkpoint") == [(value,)], "nothing is guessed"
