"""MariaDB into PostgreSQL and SQLite: exact values, zero dates rejected, increments, flags, resumable reads."""

from __future__ import annotations

from datetime import date, datetime, timezone
from decimal import Decimal
from pathlib import Path

import pytest

from sync_provider.core.contracts import ConnectionInfo
from tests.integration.pipeline.chunking import CHUNKS, Fused, Staged, check_whole, count_chunks, lay_out
from tests.integration.pipeline.project import Project
from tests.services.mariadb import execute

_TABLE = """CREATE TABLE orders (id bigint unsigned PRIMARY KEY, code varchar(20) CHARACTER SET gbk,
 amount decimal(12,2), big decimal(65,30), ratio float, score double, ok bit(1), mask bit(12), born year,
 ordered_on date, at datetime(6), seen timestamp(6) NULL, spent time, kind enum('a','b'), data json, raw blob)"""
_ROW = """INSERT INTO orders VALUES (18446744073709551615, '中文', -1234567890.12,
 12345678901234567890123456789012345.012345678901234567890123456789, 1234567.875, 0.1, b'1', b'101010101010', 2026,
 '2024-02-29', '2024-02-29 12:34:56.789012', '2024-02-29 04:34:56.789012', '12:34:56', 'b', '{"k": 1.10}', x'00ff')"""
_BAD = """INSERT INTO orders (id, ordered_on, spent) VALUES (1, '0000-00-00', '12:00:00'),
 (2, '2026-01-01', '-22:59:59'), (3, '2026-01-01', '12:00:00')"""


@pytest.fixture(params=["postgres", "sqlite"])
def shop(request: pytest.FixtureRequest, mariadb: ConnectionInfo, tmp_path: Path) -> Project:
    """A project that reads MariaDB and writes PostgreSQL, then SQLite."""
    if request.param == "postgres":
        return Project.make(tmp_path, request.getfixturevalue("postgres"), mariadb)
    return Project.make(tmp_path, ConnectionInfo("lite", "sqlite", host=str(tmp_path / "target.db")), mariadb)


def write(project: Project, interface: str) -> None:
    """Write `shop.yaml` with one interface."""
    project.yaml("shop", f"""
        source: {{type: mysql, connection: shop}}
        target: {{connection: dwh}}
        interfaces:
          {interface}
        """)  # fmt: skip


@pytest.mark.parametrize("way", ["run", "run_staged"])
def test_values_arrive_exactly_and_bad_ones_are_named(shop: Project, way: str) -> None:
    write(shop, "orders: {primary_key: id}")
    shop.source_sql(_TABLE, _ROW, _BAD)
    report = getattr(shop, way)("shop.orders", "first")
    assert (report.counters.read, report.counters.loaded, report.counters.rejected) == (4, 2, 2)
    assert {rule: rows for rule, (rows, _) in report.rejected_by_rule.items()} == {
        "type(ordered_on)": 1,
        "type(spent)": 1,
    }
    assert "0000-00-00" in report.rejected_by_rule["type(ordered_on)"][1]
    exact = (
        "SELECT code, CAST(id AS text), CAST(amount AS text), CAST(big AS text),"
        " CAST(ratio AS double precision), score, mask, born, kind, raw,"
        " ordered_on, at, seen, ok, CAST(data AS text) FROM orders WHERE CAST(id AS text) <> '3'"
    )
    (row,) = shop.rows(exact)
    assert row[:10] == (
        "中文", "18446744073709551615",
        "-1234567890.12", "12345678901234567890123456789012345.012345678901234567890123456789",
        1234567.875, 0.1, 2730, 2026, "b", b"\x00\xff",
    )  # fmt: skip
    assert row[10:] == (
        (date(2024, 2, 29), datetime(2024, 2, 29, 12, 34, 56, 789012),
         datetime(2024, 2, 29, 4, 34, 56, 789012, tzinfo=timezone.utc), True, '{"k": 1.10}')
        if shop.target.type == "postgres"
        else ("2024-02-29", "2024-02-29 12:34:56.789012", "2024-02-29 04:34:56.789012+00:00", 1, '{"k": 1.10}')
    )  # fmt: skip


def test_a_year_that_no_calendar_has_is_rejected_unless_it_is_wanted_as_text(shop: Project) -> None:
    write(
        shop,
        """z: {primary_key: id}
          zt: {table: z, primary_key: id, columns: {d: {type: text}}}""",
    )
    shop.source_sql("CREATE TABLE z (id int PRIMARY KEY, d date)")
    shop.source_sql("INSERT INTO z VALUES (1, '0000-05-01'), (2, '0000-00-00'), (3, '0001-01-01')")
    assert shop.run("shop.z", "one").rejected_by_rule["type(d)"][0] == 2
    shop.run("shop.zt", "one")
    assert shop.rows("SELECT d FROM zt ORDER BY id") == [("0000-05-01",), ("0000-00-00",), ("0001-01-01",)]


def test_increments_by_time_follow_the_source(shop: Project) -> None:
    write(shop, "sales: {primary_key: id, incremental: {cursor: at, lag: 0s}}")
    shop.source_sql("CREATE TABLE sales (id int PRIMARY KEY, v int, at datetime(6) NULL)")
    shop.source_sql("INSERT INTO sales VALUES (1, 1, '2026-01-01 00:00:00.5'), (2, 2, '2026-01-02'), (3, 3, NULL)")
    assert shop.run("shop.sales", "one").counters.loaded == 2
    shop.source_sql(
        "UPDATE sales SET v = 9, at = '2026-01-03' WHERE id = 1", "INSERT INTO sales VALUES (4, 4, '2026-01-02')"
    )
    report = shop.run("shop.sales", "two")
    assert (report.counters.read, report.checkpoint) == (3, "2026-01-03 00:00:00.000000")
    assert shop.run("shop.sales", "three", kind="full").counters.read == 4
    assert shop.rows("SELECT id, v FROM sales ORDER BY id") == [(1, 9), (2, 2), (3, 3), (4, 4)]


def test_increments_by_key_and_by_flag(shop: Project) -> None:
    shop.yaml("shop", """
        source: {type: mysql, connection: shop}
        target: {connection: dwh}
        interfaces:
          clicks: {write: append, incremental: {strategy: key, cursor: id}}
          outbox:
            primary_key: id
            incremental: {strategy: flag, cursor: state, pending: new, claimed: taken, done: sent}
        """)  # fmt: skip
    shop.source_sql(
        "CREATE TABLE clicks (id bigint PRIMARY KEY, v decimal(12,2))",
        "INSERT INTO clicks SELECT seq, seq / 4 FROM seq_1_to_10",
        "CREATE TABLE outbox (id int PRIMARY KEY, state varchar(9))",
        "INSERT INTO outbox VALUES (1, 'new'), (2, 'held'), (3, 'new')",
    )
    assert shop.run("shop.clicks", "one").checkpoint == "10"
    shop.source_sql("INSERT INTO clicks VALUES (11, 1.25)")
    assert shop.run("shop.clicks", "two").checkpoint == "11"
    assert shop.rows("SELECT count(*), sum(id), CAST(sum(v) AS text) FROM clicks")[0][:2] == (11, 66)
    assert shop.run("shop.outbox", "one").counters.loaded == 2
    shop.source_sql("INSERT INTO outbox VALUES (4, 'new')")
    assert shop.run_staged("shop.outbox", "two").counters.read == 1
    assert shop.rows("SELECT id FROM outbox ORDER BY id") == [(1,), (3,), (4,)]
    states = "SELECT group_concat(state ORDER BY id) FROM outbox"
    assert execute(shop.source, states) == [("sent,held,sent,sent",)]


def test_a_masked_interface_never_repeats_the_servers_words(shop: Project) -> None:
    write(
        shop,
        """people:
            query: "SELECT id, name, CAST(name AS UNSIGNED) + 18446744073709551615 AS n FROM people"
            primary_key: id
            mask: {name: {method: redact}}""",
    )
    shop.source_sql(
        "CREATE TABLE people (id int PRIMARY KEY, name varchar(20))", "INSERT INTO people VALUES (1, '777000111')"
    )
    with pytest.raises(Exception, match="cannot compute") as caught:
        shop.run("shop.people", "one")
    assert "777000111" not in str(caught.value)


def test_decimal_text_is_still_a_number_to_expressions(shop: Project) -> None:
    write(
        shop,
        """totals:
            primary_key: id
            filter: "v > 1"
            columns: {v: {type: "decimal(38,10)"}}""",
    )
    shop.source_sql(
        "CREATE TABLE totals (id int PRIMARY KEY, v decimal(50,10))", "INSERT INTO totals VALUES (1, 1.5), (2, 0.5)"
    )
    assert shop.run("shop.totals", "one").counters.loaded == 1
    assert Decimal(str(shop.rows("SELECT v FROM totals")[0][0])) == Decimal("1.5")


@pytest.mark.parametrize("way", [Fused, Staged], ids=["fused", "staged"])
def test_a_killed_read_goes_on_behind_the_last_chunk(shop: Project, way: type[Fused | Staged]) -> None:
    lay_out(shop, database=True)
    written, run = count_chunks(shop), way(shop)
    assert run.killed("chunk@60") == -9
    assert written() == 59
    check_whole(shop, run.go())
    assert written() == CHUNKS, "no chunk that was committed is written again"
