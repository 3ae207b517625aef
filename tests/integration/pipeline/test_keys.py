"""Increments by key through the whole pipeline: append, clear, checkpoints by hand, what is refused."""

from __future__ import annotations

import pytest

from sync_provider.core.errors import ConfigError
from tests.integration.pipeline.project import Project

YAML = """
    source: {type: %s, connection: shop}
    target: {connection: dwh%s}
    interfaces:
      items:
        write: append
        incremental: {strategy: key, cursor: id%s}
    """


@pytest.fixture
def shop(project: Project) -> Project:
    _yaml(project, "")
    project.source_sql("create table items (id bigint primary key, name text)")
    _put(project, 8, 9)
    return project


def _yaml(project: Project, more: str) -> None:
    kind = project.source.type
    project.yaml("shop", YAML % (kind, ", schema: ods" if kind == "postgres" else "", more))


def _put(project: Project, *numbers: int) -> None:
    for number in numbers:
        project.source_sql(f"insert into items values ({number}, 'n{number}')")


def _ids(project: Project) -> list[int]:
    table = "ods.items" if project.target.type == "postgres" else "items"
    return [row[0] for row in project.rows(f"select id from {table} order by id")]


def test_an_append_by_key_holds_each_row_once(shop: Project) -> None:
    assert shop.run("shop.items", "r1").checkpoint == "9"
    _put(shop, 10, 11)
    report = shop.run_staged("shop.items", "r2")
    assert (report.counters.read, report.checkpoint) == (3, "11")
    assert _ids(shop) == [8, 9, 10, 11]


def test_a_lag_of_keys_brings_what_came_late(shop: Project) -> None:
    _yaml(shop, ", lag: 100")
    shop.run("shop.items", "r1")
    _put(shop, 5, 10)
    shop.run("shop.items", "r2")
    assert _ids(shop) == [5, 8, 9, 10]


def test_a_cleared_run_reads_its_own_keys_and_moves_nothing_back(shop: Project) -> None:
    first = shop.run("shop.items", "r1")
    _put(shop, 10, 100)
    second = shop.run("shop.items", "r2")
    assert second.checkpoint == "100"
    again = shop.run("shop.items", "r1")
    assert again.window == first.window
    assert again.checkpoint == "100", "9 is less than 100, though not as text"
    assert _ids(shop) == [8, 9, 10, 100]


def test_a_range_of_keys_by_hand(shop: Project) -> None:
    _put(shop, 10, 11)
    report = shop.run("shop.items", "r1", kind="manual", since="9", until="11")
    assert (report.counters.read, report.checkpoint) == (2, None)
    assert _ids(shop) == [9, 10]


def test_a_backfill_is_of_days_and_refused(shop: Project) -> None:
    with pytest.raises(ConfigError, match="a backfill reads by time"):
        shop.run("shop.items", "b1", kind="backfill", since="2026-01-01", until="2026-01-02")


def test_the_checkpoint_can_be_set_to_a_key(shop: Project) -> None:
    assert shop.call("state", "set", "erp.shop.items", "9", "--yes").returncode == 0
    assert shop.run("shop.items", "r1").counters.read == 1
    if shop.plan("shop.items").write == "append":
        refused = shop.call("state", "set", "erp.shop.items", "soon", "--yes")
        assert (refused.returncode, "value 'soon' is not a whole number" in refused.stderr) == (1, True)
        return
    assert shop.call("state", "set", "erp.shop.items", "soon", "--yes").returncode == 0, "a text may be the key"
    with pytest.raises(ConfigError, match="checkpoint 'soon' is not a whole number") as raised:
        shop.run("shop.items", "r2")
    assert "state set erp.shop.items" in raised.value.fix


def test_a_text_key_cannot_be_appended_by(shop: Project) -> None:
    file = shop.root / "config/sources/erp/shop.yaml"
    file.write_text(file.read_text().replace("cursor: id", "cursor: name"))
    with pytest.raises(ConfigError, match="only whole numbers have one order everywhere"):
        shop.run("shop.items", "r1")


@pytest.mark.parametrize(
    ("words", "said"), [("cursor: name, lag: 5", "nothing can be taken off"), ("cursor: nix", "is not there")]
)
def test_what_is_no_key_is_refused(shop: Project, words: str, said: str) -> None:
    file = shop.root / "config/sources/erp/shop.yaml"
    text = file.read_text().replace("cursor: id", words).replace("write: append", "primary_key: id")
    file.write_text(text)
    with pytest.raises(ConfigError, match=said):
        shop.run("shop.items", "r1")


def test_a_number_that_is_taken_for_a_time_names_the_strategy(shop: Project) -> None:
    file = shop.root / "config/sources/erp/shop.yaml"
    file.write_text(file.read_text().replace("strategy: key, ", ""))
    with pytest.raises(ConfigError) as caught:
        shop.run("shop.items", "r1")
    assert "strategy: key" in caught.value.fix
