"""Facts about cursors (tests/data/cursors.yaml) on every database that is a source."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from sync_provider.core import registry
from sync_provider.core.contracts import ConnectionInfo, RunReport
from tests.integration.pipeline.project import Project, query

FACTS = yaml.safe_load((Path(__file__).parents[2] / "data" / "cursors.yaml").read_text(encoding="utf-8"))
#: source type → the fixture that gives an empty database of it
SERVERS = {"postgres": "postgres", "sqlite": "sqlite", "mysql": "mariadb"}
YAML = """
    source: {type: %s, connection: shop}
    target: {connection: dwh}
    interfaces:
      t:
        primary_key: id
        incremental: %s
    """
CASES = [(name, dialect) for name, case in FACTS["cases"].items() for dialect in case["cursor"] if dialect in SERVERS]


@pytest.fixture
def shop(request: pytest.FixtureRequest, tmp_path: Path, dialect: str) -> Project:
    """A project that reads one database and writes SQLite."""
    source: ConnectionInfo = request.getfixturevalue(SERVERS[dialect])
    return Project.make(tmp_path, ConnectionInfo("dwh", "sqlite", host=str(tmp_path / "target.db")), source)


@pytest.mark.parametrize(("name", "dialect"), CASES)
def test_fact(shop: Project, name: str, dialect: str) -> None:
    case = FACTS["cases"][name]
    words = {"cursor": "at", "lag": "0s", **case.get("extra", {})}
    if words.get("strategy") == "key" and "lag" not in case["extra"]:
        del words["lag"]
    shop.yaml("shop", YAML % (dialect, words))
    if zone := case.get("zone"):
        file = shop.root / "config/sources/erp/shop.yaml"
        file.write_text(file.read_text() + f"    columns: {{at: {{timezone: {zone}, type: timestamp}}}}\n")
    shop.source_sql(f"create table t (id integer primary key, at {case['cursor'][dialect]})")
    for number, step in enumerate(case["steps"]):
        _take(shop, f"r{number}", dict(step))


def _take(shop: Project, run: str, step: dict[str, Any]) -> None:
    for key, at in step.pop("put", {}).items():
        shop.source_sql(f"insert into t values ({key}, {'null' if at is None else repr(at)})")
    checkpoint = step.pop("checkpoint", None)
    for kind, wanted in step.items():
        report = _run(shop, run, kind, wanted)
        assert _read(shop) == (wanted[2] if kind == "range" else wanted), (kind, report.window)
        assert report.counters.leak() == 0
    if checkpoint is not None:
        known = query(shop.target, "select value from _sync_checkpoint")
        assert (known[0][0] if known else "").startswith(checkpoint), known
        assert bool(known) is bool(checkpoint)


def _run(shop: Project, run: str, kind: str, wanted: Any) -> RunReport:
    """Run into an empty table, so that it holds what this run read."""
    if query(shop.target, "select 1 from sqlite_master where name = 't'"):
        shop.target_sql("delete from t")
    if kind == "range":
        return shop.run("shop.t", run, kind="manual", since=wanted[0], until=wanted[1])
    return shop.run("shop.t", run, kind="full" if kind == "full" else None)


def _read(shop: Project) -> list[int]:
    return [row[0] for row in query(shop.target, "select id from t order by id")]


def test_every_database_that_reads_increments_is_asked() -> None:
    """A new source type gets its column in the facts, and its server above."""
    reading = {name for name in registry.names("sources") if name in FACTS["dialects"]}
    assert set(SERVERS) <= reading


@pytest.mark.parametrize("dialect", ["postgres"])
def test_a_million_rows_that_share_a_cursor_cost_one_value(shop: Project, dialect: str) -> None:
    """dlt keeps a hash of each row at the boundary; here the state is the value."""
    shop.yaml("shop", YAML % (dialect, "{cursor: at, lag: 0s}"))
    shop.source_sql(
        "create table t as select n as id, timestamp '2026-01-01 10:00:00' as at from generate_series(1, 1000000) n"
    )
    assert shop.run("shop.t", "r1").counters.read == 1_000_000
    state = query(shop.target, "select value from _sync_checkpoint")
    assert state == [("2026-01-01 10:00:00",)]
    shop.source_sql("insert into t values (0, '2026-01-01 10:00:00')")
    report = shop.run("shop.t", "r2")
    assert (report.counters.inserted, report.counters.read) == (1, 1_000_001)
    assert query(shop.target, "select value from _sync_checkpoint") == state


@pytest.mark.parametrize("dialect", ["postgres"])
@pytest.mark.parametrize("offset", ["+ interval '1 hour'", "- interval '1 hour'"])
def test_bounds_are_of_the_sources_clock(shop: Project, dialect: str, offset: str) -> None:
    """Whatever our own clock says: what the source's clock calls the future waits, all else arrives."""
    shop.yaml("shop", YAML % (dialect, "{cursor: at, lag: 0s}"))
    shop.source_sql("create table t (id int primary key, at timestamptz)", f"insert into t values (1, now() {offset})")
    early = offset.startswith("-")
    assert shop.run("shop.t", "r1").counters.read == (1 if early else 0)
    shop.source_sql("insert into t values (2, now())")
    assert shop.run("shop.t", "r2").counters.inserted == 1


@pytest.mark.parametrize("dialect", ["postgres"])
def test_rows_without_a_cursor_are_told(shop: Project, dialect: str, caplog: pytest.LogCaptureFixture) -> None:
    shop.yaml("shop", YAML % (dialect, "{cursor: at}"))
    shop.source_sql("create table t (id int primary key, at timestamp)", "insert into t values (1, null)")
    shop.run("shop.t", "r1")
    assert "some rows of public.t have no at; only full runs read them" in caplog.text
