"""Increments by a flag of the source's own: claimed, read, committed, done; never lost, never twice."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sync_provider.core import engine
from sync_provider.core.engine.acknowledging import acknowledge
from sync_provider.core.engine.opening import open_source, open_target
from sync_provider.core.engine.request import Ticket
from sync_provider.core.errors import AuthenticationError, ConfigError
from tests.integration.pipeline.project import Project, query
from tests.integration.pipeline.test_late_commits import connected

YAML = """
    source: {type: %s, connection: shop}
    target: {connection: dwh%s}
    interfaces:
      items:
        primary_key: id
        columns: {synced: {drop: true}}
        incremental: {strategy: flag, cursor: synced, pending: 0, claimed: 2, done: 1}
    """


@pytest.fixture
def shop(project: Project) -> Project:
    kind = project.source.type
    project.yaml("shop", YAML % (kind, ", schema: ods" if kind == "postgres" else ""))
    project.source_sql("create table items (id integer primary key, name text, synced integer default 0)")
    _put(project, 1, 2)
    return project


def _put(project: Project, *numbers: int) -> None:
    for number in numbers:
        project.source_sql(f"insert into items (id, name) values ({number}, 'n{number}')")


def _flags(project: Project) -> dict[int, int]:
    return dict(query(project.source, "select id, synced from items"))  # type: ignore[arg-type]


def _table(project: Project) -> str:
    return "ods.items" if project.target.type == "postgres" else "items"


def _ids(project: Project) -> list[int]:
    return [row[0] for row in project.rows(f"select id from {_table(project)} order by id")]


def test_rows_are_done_when_the_target_has_them(shop: Project) -> None:
    report = shop.run("shop.items", "r1")
    assert (report.counters.read, report.checkpoint) == (2, None)
    assert _flags(shop) == {1: 1, 2: 1}
    _put(shop, 3)
    assert shop.run("shop.items", "r2").counters.read == 1
    assert shop.run("shop.items", "r3").counters.read == 0
    assert _ids(shop) == [1, 2, 3]


def test_in_stages_the_load_tells_the_source(shop: Project) -> None:
    assert shop.run_staged("shop.items", "r1").counters.loaded == 2
    assert _flags(shop) == {1: 1, 2: 1}


@pytest.mark.parametrize("edge", ["copy", "commit", "after_commit"])
def test_killed_before_the_flag_is_flipped_rows_are_read_again_and_held_once(shop: Project, edge: str) -> None:
    done = shop.call("run", "erp.shop.items", "--run-id", "r1", SYNC_FAILPOINT=f"{edge}:kill")
    assert done.returncode == -9, done.stderr
    assert _flags(shop) == {1: 2, 2: 2}, "claimed, not done"
    assert _ids(shop) == ([1, 2] if edge == "after_commit" else [])
    _put(shop, 3)
    report = shop.run("shop.items", "r2")
    assert report.counters.read == 3
    assert report.counters.leak() == 0
    assert _flags(shop) == {1: 1, 2: 1, 3: 1}
    assert _ids(shop) == [1, 2, 3]


def test_a_retry_of_the_killed_run_reads_what_it_had_claimed(shop: Project) -> None:
    shop.call("run", "erp.shop.items", "--run-id", "r1", SYNC_FAILPOINT="commit:kill")
    _put(shop, 3)
    assert shop.run("shop.items", "r1").counters.read == 2
    assert _flags(shop) == {1: 1, 2: 1, 3: 0}


def test_a_failed_run_leaves_its_rows_claimed(shop: Project) -> None:
    done = shop.call("run", "erp.shop.items", "--run-id", "r1", SYNC_FAILPOINT="ledger:raise")
    assert done.returncode != 0
    assert _flags(shop) == {1: 2, 2: 2}
    assert shop.run("shop.items", "r2").counters.loaded == 2


def test_a_row_set_back_while_it_was_read_is_read_again(shop: Project) -> None:
    shop.call("run", "erp.shop.items", "--run-id", "r1", SYNC_FAILPOINT="after_commit:kill")
    shop.source_sql("update items set name = 'new', synced = 0 where id = 2")
    shop.run("shop.items", "r1")
    assert _flags(shop) == {1: 1, 2: 0}, "only what is still claimed becomes done"
    shop.run("shop.items", "r2")
    assert shop.rows(f"select name from {_table(shop)} where id = 2") == [("new",)]


def test_a_full_run_reads_every_row_and_loses_none(shop: Project) -> None:
    shop.source_sql("update items set synced = 1 where id = 1")
    report = shop.run("shop.items", "r1", kind="full")
    assert report.counters.read == 2
    assert _flags(shop) == {1: 1, 2: 1}


@pytest.mark.parametrize("kind", ["backfill", "manual"])
def test_a_range_is_refused(shop: Project, kind: str) -> None:
    with pytest.raises(ConfigError, match="strategy: flag` has none") as caught:
        shop.run("shop.items", "b1", kind=kind, since="2026-01-01", until="2026-01-02")
    assert "back to '0'" in caught.value.fix
    assert _flags(shop) == {1: 0, 2: 0}


def test_only_rows_of_the_condition_are_claimed(shop: Project) -> None:
    file = shop.root / "config/sources/erp/shop.yaml"
    file.write_text(file.read_text() + '    where: "id <> 2"\n')
    shop.run("shop.items", "r1")
    assert _flags(shop) == {1: 1, 2: 0}


def test_another_run_that_took_the_lease_keeps_its_claims(shop: Project) -> None:
    """A load that wakes up after its lease was lost must not call done what the next run has claimed."""
    plan = shop.plan("shop.items")
    old = Ticket.from_json(engine.check(plan, engine.RunRequest("r1"), shop.connections))
    lease = "ods._sync_lease" if shop.target.type == "postgres" else "_sync_lease"
    shop.target_sql(f"update {lease} set run_id = null")
    new = Ticket.from_json(engine.check(plan, engine.RunRequest("r2"), shop.connections))
    with open_source(plan, shop.connections) as source, open_target(plan, shop.connections) as target:
        acknowledge(plan, old, source, target)
        assert _flags(shop) == {1: 2, 2: 2}
        acknowledge(plan, new, source, target)
        assert _flags(shop) == {1: 1, 2: 1}


@pytest.mark.parametrize("locked", ["revoke", "read-only"])
def test_a_source_that_may_not_be_written_is_refused(pg: Project, locked: str) -> None:
    pg.yaml("shop", YAML % ("postgres", ", schema: ods"))
    pg.source_sql(
        "create table items (id integer primary key, name text, synced integer default 0)",
        "drop role if exists looker",
        "create role looker login password 'looker-pw'",
        "grant select on items to looker",
    )
    if locked == "read-only":
        pg.source_sql("grant update on items to looker", "alter role looker set default_transaction_read_only = on")
    pg.source = replace(pg.source, login="looker", password="looker-pw")
    with pytest.raises(AuthenticationError) as caught:
        pg.run("shop.items", "r1")
    assert 'GRANT UPDATE ("synced") ON "public"."items" TO "looker"' in caught.value.fix
    done = pg.call("test-connection", "erp.shop.items")
    assert done.returncode == 1
    assert "GRANT UPDATE" in done.stdout + done.stderr


def test_values_the_column_cannot_hold_are_refused(pg: Project) -> None:
    pg.yaml("shop", (YAML % ("postgres", ", schema: ods")).replace("claimed: 2", "claimed: soon"))
    pg.source_sql("create table items (id integer primary key, name text, synced integer default 0)")
    with pytest.raises(ConfigError, match="cannot hold '0', 'soon', '1'"):
        pg.run("shop.items", "r1")


def test_a_view_cannot_be_claimed_in(lite: Project) -> None:
    lite.yaml("shop", YAML % ("sqlite", ""))
    lite.source_sql("create table base (id integer primary key, name text, synced integer default 0)")
    lite.source_sql("create view items as select * from base")
    with pytest.raises(ConfigError, match="which is a view"):
        lite.run("shop.items", "r1")


def test_a_row_somebody_is_changing_waits_for_the_next_run(pg: Project) -> None:
    pg.yaml("shop", YAML % ("postgres", ", schema: ods"))
    pg.source_sql("create table items (id integer primary key, name text, synced integer default 0)")
    _put(pg, 1, 2)
    with connected(pg.source) as writer:
        writer.execute("update items set name = 'changed' where id = 2")
        assert pg.run("shop.items", "r1").counters.read == 1
        assert _flags(pg) == {1: 1, 2: 0}
        writer.commit()
    pg.run("shop.items", "r2")
    assert _flags(pg) == {1: 1, 2: 1}
    assert pg.rows("select name from ods.items order by id") == [("n1",), ("changed",)]


@pytest.mark.parametrize(
    "made",
    [
        "create table items (id integer, name text, synced integer default 0, primary key (id)) partition by hash (id);"
        "create table one partition of items for values with (modulus 2, remainder 0);"
        "create table two partition of items for values with (modulus 2, remainder 1)",
        "create table base (id integer primary key, name text, synced integer default 0);"
        "create view items as select * from base where id > 0",
    ],
    ids=["partitions", "view"],
)
def test_partitions_and_simple_views_have_flags_too(pg: Project, made: str) -> None:
    pg.yaml("shop", YAML.replace("key: id", "key: id\n        where: items.id > 0") % ("postgres", ", schema: ods"))
    pg.source_sql(*made.split(";"))
    _put(pg, *range(1, 9))
    assert pg.run("shop.items", "r1").counters.loaded == 8
    assert set(_flags(pg).values()) == {1}
