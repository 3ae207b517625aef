"""Increments, windows, backfills: what is read, what moves the checkpoint, what a clear does."""

from __future__ import annotations

import pytest

from sync_provider.core.errors import ConfigError
from tests.integration.pipeline.project import Project

YAML = """
    source: {type: %s, connection: shop}
    target: {connection: dwh%s}
    interfaces:
      items:
        table: items
        primary_key: id
        incremental: {cursor: updated_at, lag: %s}
    """
APPEND = """
        write: append
    """


@pytest.fixture
def shop(project: Project) -> Project:
    kind = project.source.type
    project.yaml("shop", YAML % (kind, ", schema: ods" if kind == "postgres" else "", "30m"))
    project.source_sql("create table items (id integer primary key, name text, updated_at timestamp)")
    _put(project, (1, "a", "2026-01-01 10:00:00"), (2, "b", "2026-01-01 11:00:00"))
    return project


def _put(project: Project, *rows: tuple[int, str, str]) -> None:
    for number, name, at in rows:
        project.source_sql(
            f"delete from items where id = {number}", f"insert into items values ({number}, '{name}', '{at}')"
        )


def _target(project: Project) -> str:
    return "ods.items" if project.target.type == "postgres" else "items"


def _names(project: Project) -> dict[int, str]:
    return dict(project.rows(f"select id, name from {_target(project)}"))  # type: ignore[arg-type]


def test_only_new_rows_and_the_lag_are_read(shop: Project) -> None:
    assert shop.run("shop.items", "r1").counters.read == 2
    _put(shop, (3, "c", "2026-01-01 12:00:00"))
    second = shop.run("shop.items", "r2")
    assert (second.counters.read, second.counters.inserted) == (2, 1)  # row 2 lies within the lag
    assert second.checkpoint is not None
    assert second.checkpoint.startswith("2026-01-01 12:00:00")
    assert _names(shop) == {1: "a", 2: "b", 3: "c"}


def test_a_cleared_run_reads_its_own_window_again(shop: Project) -> None:
    shop.run("shop.items", "r1")
    _put(shop, (3, "c", "2026-01-01 14:00:00"))
    second = shop.run("shop.items", "r2")
    assert second.counters.read == 2
    _put(shop, (4, "d", "2026-01-01 16:00:00"))
    again = shop.run("shop.items", "r2")
    assert again.counters.read == second.counters.read
    assert again.window == second.window
    assert _names(shop) == {1: "a", 2: "b", 3: "c"}
    third = shop.run("shop.items", "r3")
    assert _names(shop) == {1: "a", 2: "b", 3: "c", 4: "d"}
    assert third.counters.leak() == 0
    assert shop.run("shop.items", "r1").checkpoint == third.checkpoint, "a clear never moves it back"
    late = shop.run("shop.items", "r4")
    assert late.checkpoint == third.checkpoint


def test_a_backfill_leaves_the_checkpoint_alone(shop: Project) -> None:
    first = shop.run("shop.items", "r1")
    _put(shop, (1, "a2", "2026-01-01 10:00:00"), (5, "e", "2026-01-01 11:00:00"))
    filled = shop.run(
        "shop.items", "b1", kind="backfill", since="2026-01-01T10:00:00+00:00", until="2026-01-01T11:00:00+00:00"
    )
    assert filled.counters.read == 1
    assert filled.checkpoint is None
    assert _names(shop) == {1: "a2", 2: "b"}
    assert shop.run("shop.items", "r2").window.since is not None  # type: ignore[union-attr]
    assert shop.run("shop.items", "r3").checkpoint == first.checkpoint


def test_full_reads_everything_and_moves_forward(shop: Project) -> None:
    shop.run("shop.items", "r1")
    _put(shop, (1, "a2", "2020-01-01 00:00:00"), (3, "c", "2026-01-02 00:00:00"))
    full = shop.run("shop.items", "r2", kind="full")
    assert full.counters.read == 3
    assert full.checkpoint is not None
    assert full.checkpoint.startswith("2026-01-02")


def test_an_older_row_never_overwrites_a_newer_one(shop: Project) -> None:
    shop.run("shop.items", "r1")
    shop.target_sql(f"update {_target(shop)} set name = 'newer', updated_at = '2027-01-01 00:00:00' where id = 2")
    report = shop.run("shop.items", "r2", kind="full")
    assert (report.counters.read, report.counters.superseded) == (2, 1)
    assert _names(shop) == {1: "a", 2: "newer"}


def test_one_row_from_the_future_does_not_end_all_increments(shop: Project) -> None:
    _put(shop, (9, "future", "2099-01-01 00:00:00"))
    assert shop.run("shop.items", "r1").counters.read == 2
    _put(shop, (3, "c", "2026-01-01 12:00:00"))
    shop.run("shop.items", "r2")
    assert 3 in _names(shop)


def test_append_with_lag_holds_each_row_once(project: Project) -> None:
    kind = project.source.type
    yaml = YAML % (kind, ", schema: ods" if kind == "postgres" else "", "30m")
    project.yaml("shop", yaml.replace("primary_key: id", "write: append"))
    project.source_sql("create table items (id integer primary key, name text, updated_at timestamp)")
    _put(project, (1, "a", "2026-01-01 10:00:00"), (2, "b", "2026-01-01 11:00:00"))
    project.run("shop.items", "r1")
    _put(project, (2, "b2", "2026-01-01 11:00:00"), (3, "c", "2026-01-01 11:30:00"))
    report = project.run("shop.items", "r2")
    assert report.counters.leak() == 0
    rows = project.rows(f"select id, name from {_target(project)} order by id")
    assert rows == [(1, "a"), (2, "b2"), (3, "c")]


def test_an_append_is_never_read_from_the_beginning_into_its_own_rows(project: Project) -> None:
    kind = project.source.type
    yaml = YAML % (kind, ", schema: ods" if kind == "postgres" else "", "30m")
    project.yaml("shop", yaml.replace("primary_key: id", "write: append"))
    project.source_sql("create table items (id integer primary key, name text, updated_at timestamp)")
    _put(project, (1, "a", "2026-01-01 10:00:00"))
    project.run("shop.items", "r1")
    with pytest.raises(ConfigError, match="would append every row of 'items' again"):
        project.run("shop.items", "r2", kind="full")
    assert project.rows(f"select count(*) from {_target(project)}") == [(1,)]
    project.target_sql(f"delete from {_target(project)}")
    assert project.run("shop.items", "r3", kind="full").counters.loaded == 1


def test_what_we_loaded_is_a_source_like_any_other(shop: Project) -> None:
    """ods → dwd: the metadata columns of the first load do not collide with those of the second."""
    shop.run("shop.items", "r1")
    kind = shop.target.type
    schema = ", schema: ods" if kind == "postgres" else ""
    further = YAML % (kind, ", schema: dwd" if kind == "postgres" else "", "30m")
    further = further.replace("connection: shop", f"connection: dwh{schema}").replace(
        "      items:", "      dwd_items:", 1
    )
    shop.yaml("further", further)
    assert shop.run("further.dwd_items", "r2").counters.loaded == 2
    table = "dwd.dwd_items" if kind == "postgres" else "dwd_items"
    assert shop.rows(f"select distinct _sync_run_id from {table}") == [("r2",)]


@pytest.mark.parametrize(
    "odd", ["2026-01-01 soon", "2026-01-31 24:00:00", "2026-02-31 10:00:00", "2026-13-01", "2026-05-01  10:00"]
)
def test_text_that_is_no_time_never_becomes_the_checkpoint(lite: Project, odd: str) -> None:
    lite.yaml("shop", YAML % ("sqlite", "", "30m"))
    lite.source_sql("create table items (id integer primary key, name text, updated_at text)")
    _put(lite, (1, "a", "2026-01-01 10:00:00"), (2, "odd", odd))
    assert lite.run("shop.items", "r1").checkpoint == "2026-01-01 10:00:00"
    _put(lite, (3, "c", "2026-06-01 12:00:00"))
    lite.run("shop.items", "r2")
    _put(lite, (4, "d", "2026-07-01 12:00:00"))
    assert lite.run("shop.items", "r3").checkpoint == "2026-07-01 12:00:00"
    assert {1, 3, 4} <= set(_names(lite))


def test_the_checkpoint_of_another_cursor_says_nothing(shop: Project) -> None:
    shop.run("shop.items", "r1")
    file = shop.root / "config/sources/erp/shop.yaml"
    file.write_text(file.read_text().replace("cursor: updated_at", "cursor: made_at"))
    shop.source_sql("alter table items add column made_at timestamp", "update items set made_at = updated_at")
    shop.target_sql(f"alter table {_target(shop)} add column made_at timestamp")
    with pytest.raises(ConfigError, match="is of cursor 'updated_at'"):
        shop.run("shop.items", "r2")
    assert shop.call("state", "reset", "erp.shop.items", "--yes").returncode == 0
    assert shop.run("shop.items", "r3").counters.read == 2
