"""Names and values that look like SQL stay names and values, on every database that is a source."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sync_provider.core.errors import ConfigError, SyncError
from sync_provider.core.systems.mysql.names import quote as _quote_mysql
from sync_provider.core.systems.names import quote as quote_standard
from tests.integration.pipeline.project import Project, query

NAMES = [
    "x`; DROP TABLE victim; --",
    'x"; DROP TABLE victim; --',
    "x'; DROP TABLE victim; --",
    "x\\'; DROP TABLE victim; --",
    'a"b',
    "a'b",
    "semi;colon",
    "-- comment",
    "/* c */",
    "new\nline",
    "$1 %s {0} :name",
    "select",
    "中 文",
]
VALUES = ["'; DROP TABLE victim; --", "1; DROP TABLE victim", "1 OR 1=1", "\\'; DROP TABLE victim; --", "1' OR '1'='1"]
STRATEGIES = {
    "timestamp": ("timestamp", "{cursor: %s}", "'2026-01-01 10:00:00'"),
    "key": ("bigint", "{strategy: key, cursor: %s}", "7"),
    "text": ("text", "{strategy: key, cursor: %s}", "'k'"),
    "flag": ("text", "{strategy: flag, cursor: %s, pending: p, claimed: c, done: d}", "'p'"),
}


@pytest.fixture(params=["sqlite", "postgres", "mariadb"])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Project:
    """A project with a table that must survive."""
    source = request.getfixturevalue(request.param)
    target = request.getfixturevalue("sqlite")
    project = Project.make(tmp_path, target, source)
    project.source_sql("create table victim (id int)")
    return project


def _lay_out(shop: Project, table: str, cursor: str, strategy: str) -> None:
    kind, increment, value = STRATEGIES[strategy]
    quote = _quote_mysql if shop.source.type == "mysql" else quote_standard
    if shop.source.type == "mysql":
        kind = {"timestamp": "datetime", "text": "varchar(50)"}.get(kind, kind)
    words = {"table": table, "target": {"table": "arrived"}, "primary_key": "id"}
    lines = "".join(f"        {key}: {json.dumps(words[key], ensure_ascii=False)}\n" for key in words)
    shop.yaml(
        "shop",
        f"""
    source: {{type: {shop.source.type}, connection: shop}}
    target: {{connection: dwh}}
    interfaces:
      items:
{lines}        incremental: {increment % json.dumps(cursor, ensure_ascii=False)}
    """,
    )
    shop.source_sql(
        f"create table {quote(table)} (id integer primary key, {quote(cursor)} {kind})",
        f"insert into {quote(table)} values (1, {value})",
    )


def _text(shop: Project, value: str) -> str:
    """Return a value as it stands between quotes; in MySQL a backslash is not just a backslash."""
    text = value.replace("'", "''")
    return text.replace("\\", "\\\\") if shop.source.type == "mysql" else text


def _survives(shop: Project) -> bool:
    return query(shop.source, "select count(*) from victim") == [(0,)]


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("name", NAMES)
def test_names_of_tables_and_cursors(shop: Project, name: str, strategy: str) -> None:
    _lay_out(shop, name, name + "2", strategy)
    assert shop.run("shop.items", "r1").counters.loaded == 1
    assert shop.run("shop.items", "r2").counters.leak() == 0
    assert shop.rows("select id from arrived") == [(1,)]
    assert _survives(shop)


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("strategy", ["timestamp", "key"])
def test_a_checkpoint_somebody_wrote_into_the_state_table(shop: Project, strategy: str, value: str) -> None:
    _lay_out(shop, "items", "at", strategy)
    shop.run("shop.items", "r1")
    shop.target_sql("update _sync_checkpoint set value = '" + value.replace("'", "''") + "'")
    with pytest.raises(ConfigError) as caught:
        shop.run("shop.items", "r2")
    assert "checkpoint" in caught.value.what
    assert _survives(shop)


@pytest.mark.parametrize("value", VALUES)
def test_a_text_key_may_say_anything(shop: Project, value: str) -> None:
    _lay_out(shop, "items", "at", "text")
    text = _text(shop, value)
    shop.source_sql(f"insert into items values (2, '{text}')", f"update items set at = '{text}' where id = 1")
    assert shop.run("shop.items", "r1").checkpoint == value
    assert shop.run("shop.items", "r2").counters.read == 2
    assert _survives(shop)


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("strategy", ["timestamp", "key"])
def test_a_range_given_by_hand(shop: Project, strategy: str, value: str) -> None:
    _lay_out(shop, "items", "at", strategy)
    with pytest.raises(SyncError):
        shop.run("shop.items", "r1", kind="manual", since=value)
    with pytest.raises(SyncError):
        shop.run("shop.items", "r2", kind="manual", until=value)
    assert _survives(shop)


@pytest.mark.parametrize("value", VALUES)
def test_values_of_a_flag(shop: Project, value: str) -> None:
    _lay_out(shop, "items", "at", "flag")
    file = shop.root / "config/sources/erp/shop.yaml"
    file.write_text(file.read_text().replace("pending: p", f"pending: {json.dumps(value)}"))
    text = _text(shop, value)
    shop.source_sql(f"update items set at = '{text}'")
    assert shop.run("shop.items", "r1").counters.loaded == 1
    assert query(shop.source, "select at from items") == [("d",)]
    assert _survives(shop)
