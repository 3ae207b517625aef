"""Source `mysql` on a real MariaDB: types from a table of facts, charsets, windows, late commits, flags, names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from sync_provider.core.contracts import (
    ROW,
    Batch,
    ColumnPlan,
    ConnectionInfo,
    IncrementPlan,
    Plan,
    SchedulePlan,
    SourcePlan,
    TargetPlan,
    Window,
    frame_type,
)
from sync_provider.core.errors import ConfigError, DataError
from sync_provider.core.sources.mysql import SOURCE
from sync_provider.core.systems.mysql.names import quote
from tests.services.mariadb import MariadbServer, execute

_FACTS = Path(__file__).parents[1] / "data" / "mysql_types.yaml"
TYPES: list[dict[str, Any]] = yaml.safe_load(_FACTS.read_text(encoding="utf-8"))


def plan_of(table: str, **options: str) -> Plan:
    source = SourcePlan("mysql", "my", options)
    return Plan("lib", "shop", table, source, TargetPlan("t", "x"), "full", "append", SchedulePlan("manual"))


def batches_of(info: ConnectionInfo, plan: Plan, window: Window | None = None, after: str = "") -> list[Batch]:
    with closing(SOURCE.open(plan, lambda _: info)) as source:
        return list(source.read(window or source.window("full", None, None), after))


def rows_of(info: ConnectionInfo, plan: Plan, window: Window | None = None, after: str = "") -> list[dict[str, Any]]:
    return [row for batch in batches_of(info, plan, window, after) for row in batch.frame.to_dicts()]


def window_of(info: ConnectionInfo, plan: Plan, *asked: Any) -> Window:
    with closing(SOURCE.open(plan, lambda _: info)) as source:
        window: Window = source.window(*asked)
        return window


def run(info: ConnectionInfo, *statements: str) -> None:
    """Execute statements without percent signs being looked at."""
    for sql in statements:
        execute(info, f"SET sql_mode = 'NO_BACKSLASH_ESCAPES'; {sql}")


@contextmanager
def transaction(info: ConnectionInfo) -> Iterator[Any]:
    """Another client with an open transaction; rolled back at the end."""
    import MySQLdb

    other = MySQLdb.connect(
        host=info.host, port=info.port, user=info.login, password=info.password, database=info.schema
    )
    try:
        yield other
    finally:
        other.close()


def _told(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, datetime):
        return value.isoformat(" ")
    return format(value, "f") if isinstance(value, Decimal) else str(value)


@pytest.mark.parametrize("fact", TYPES, ids=lambda fact: f"{fact['type']} {fact['value'][:20]}")
def test_every_type_is_exact_or_stays_text(mariadb: ConnectionInfo, fact: dict[str, Any]) -> None:
    run(mariadb, f"CREATE TABLE t (c {fact['type']})", f"INSERT INTO t VALUES ({fact['value']}), (NULL)")
    expected = fact["repeat"][0] * fact["repeat"][1] if "repeat" in fact else fact["expect"]
    for plan in (plan_of("t"), plan_of("q", query="SELECT * FROM t -- all of it\n;")):
        with closing(SOURCE.open(plan, lambda _: mariadb)) as source:
            column = source.columns()["c"]
            (batch,) = source.read(Window("full"))
        full, empty = batch.frame["c"].to_list()
        assert (_told(full), empty) == (expected, None)
        if plan.interface == "t":
            assert str(column) == fact["becomes"]
            assert (batch.frame.schema["c"] == frame_type(column)) is not fact.get(
                "text", False
            ) or column.kind == "text"


def test_a_query_has_the_types_of_its_columns(mariadb: ConnectionInfo) -> None:
    run(
        mariadb,
        "CREATE TABLE t (a int unsigned NOT NULL, b decimal(12,2), c blob, d varchar(5), e enum('x'), f bit(9))",
    )
    query = "SELECT a, b, c, d, e, f, a * 2 AS g, sum(b) OVER () AS h, 'x' AS i, now(6) AS j, 1.50 AS k FROM t"
    with closing(SOURCE.open(plan_of("q", query=query), lambda _: mariadb)) as source:
        found = {name: str(kind) for name, kind in source.columns().items()}
    assert found == {
        "a": "bigint", "b": "decimal(12,2)", "c": "binary", "d": "text", "e": "text", "f": "bigint",
        "g": "decimal(20,0)", "h": "decimal(34,2)", "i": "text", "j": "timestamp", "k": "decimal(3,2)",
    }  # fmt: skip


def test_a_bad_value_leaves_its_column_as_text_in_that_batch_only(mariadb: ConnectionInfo) -> None:
    run(mariadb, "CREATE TABLE d (v date)", "INSERT INTO d VALUES ('2026-01-01'), ('2026-01-02'), ('0000-00-00')")
    kinds = [
        batch.frame.schema["v"].base_type().__name__
        for batch in batches_of(mariadb, replace(plan_of("d"), batch_rows=2))
    ]
    assert kinds == ["Date", "String"]


def test_geometry_is_refused_by_name_unless_it_is_dropped(mariadb: ConnectionInfo) -> None:
    run(mariadb, "CREATE TABLE g (id int, at point)", "INSERT INTO g VALUES (1, POINT(1, 2))")
    with closing(SOURCE.open(plan_of("g"), lambda _: mariadb)) as source, pytest.raises(DataError) as caught:
        source.ping()
    assert "'at'" in caught.value.what
    assert "point" in caught.value.what
    dropped = replace(plan_of("g"), columns=(ColumnPlan("at", "at", drop=True),))
    assert rows_of(mariadb, dropped) == [{"id": 1, ROW: 1}]
    text = plan_of("q", query="SELECT ST_AsText(at) AS at FROM g")
    assert [row["at"] for row in rows_of(mariadb, text)] == ["POINT(1 2)"]


@pytest.mark.parametrize("name", ['x"; DROP TABLE victim; --', "x`; DROP TABLE victim; --", "x'; DROP TABLE victim; --",
                                  "x\\", "a;b", "列%s"])  # fmt: skip
def test_names_and_bounds_are_data(mariadb: ConnectionInfo, name: str) -> None:
    """R21: no name, no bound and no value becomes SQL."""
    quoted = quote(name)
    run(
        mariadb,
        "CREATE TABLE victim (id int)",
        "INSERT INTO victim VALUES (1)",
        f"CREATE TABLE {quoted} ({quoted} datetime, id int PRIMARY KEY, v varchar(99))",
        f"INSERT INTO {quoted} VALUES ('2026-01-01', 1, 'x'), ('2026-01-02', 2, 'it''s \\')",
    )
    plan = replace(plan_of(name), increment=IncrementPlan("timestamp", name), load="staged", where="v <> 'x'' OR 1=1'")
    assert [row["v"] for row in rows_of(mariadb, plan, Window("manual", "2026-01-02", None))] == ["it's \\"]
    assert window_of(mariadb, plan, "incremental", None, None).until == "2026-01-02 00:00:00"
    with pytest.raises(ConfigError):
        window_of(mariadb, plan, "manual", "2026-01-01' OR '1'='1", None)
    with pytest.raises(ConfigError):
        window_of(mariadb, replace(plan, increment=IncrementPlan("key", "id")), "incremental", "1 OR 1=1", None)
    by_text = replace(plan, increment=IncrementPlan("key", "v"), where=None)
    assert rows_of(mariadb, by_text, Window("manual", "' OR 1=1 -- \\", "a")) == []
    flag = IncrementPlan("flag", "v", pending="x", claimed="' OR 1=1 -- \\", done="it's \\")
    with closing(SOURCE.open(replace(plan, increment=flag, where=None), lambda _: mariadb)) as source:
        window = source.window("incremental", None, None)
        assert [row["id"] for batch in source.read(window) for row in batch.frame.to_dicts()] == [1]
        source.ack()
    assert execute(mariadb, f"SELECT v FROM {quoted}".replace("%", "%%"), ()) == [("it's \\",), ("it's \\",)]
    assert execute(mariadb, "SELECT id FROM victim") == [(1,)]


@pytest.mark.parametrize(("kind", "since", "until", "wanted"), [
    ("date", "2026-01-02", "2026-01-04", [2, 3]),
    ("date", "2026-01-02 12:00:00", "2026-01-04 12:00:00", [3, 4]),
    ("timestamp NULL", "2026-01-02T08:00:00+08:00", "2026-01-04T00:00:00Z", [2, 3]),
    ("datetime", "2026-01-02T08:00:00+08:00", "2026-01-03 12:00:00", [2, 3]),
])  # fmt: skip
def test_bounds_are_compared_as_moments(
    mariadb: ConnectionInfo, kind: str, since: str, until: str, wanted: list[int]
) -> None:
    run(mariadb, f"CREATE TABLE b (id int, at {kind})")
    run(mariadb, "INSERT INTO b SELECT seq, concat('2026-01-0', seq) FROM seq_1_to_5")
    plan = replace(plan_of("b"), increment=IncrementPlan("timestamp", "at"))
    rows = rows_of(mariadb, plan, window_of(mariadb, plan, "manual", since, until))
    assert sorted(row["id"] for row in rows) == wanted


def test_a_naive_cursor_is_of_its_zone_and_never_of_the_future(mariadb: ConnectionInfo) -> None:
    run(mariadb, "CREATE TABLE z (at datetime)", "INSERT INTO z VALUES (UTC_TIMESTAMP() + INTERVAL 7 HOUR)",
        "INSERT INTO z VALUES (UTC_TIMESTAMP() + INTERVAL 9 HOUR), ('0000-00-00'), (NULL)")  # fmt: skip
    here = replace(
        plan_of("z"),
        increment=IncrementPlan("timestamp", "at"),
        columns=(ColumnPlan("at", "at", timezone="Asia/Shanghai"),),
    )
    (expected,) = execute(mariadb, "SELECT CAST(min(at) AS CHAR) FROM z WHERE at > '2000-01-01'")[0]
    assert window_of(mariadb, here, "incremental", None, None).until == expected
    assert window_of(mariadb, replace(here, columns=()), "incremental", None, None).until is None
    assert (
        window_of(mariadb, here, "manual", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z").since
        == "2026-01-01 08:00:00"
    )


def test_flags_are_claimed_read_and_done(mariadb: ConnectionInfo) -> None:
    run(mariadb, "CREATE TABLE f (id int PRIMARY KEY, done enum('n','c','y'))",
        "INSERT INTO f VALUES (1, 'n'), (2, 'n'), (3, 'y'), (4, 'n')")  # fmt: skip
    flag = IncrementPlan("flag", "done", pending="n", claimed="c", done="y")
    plan = replace(plan_of("f"), increment=flag, where="id < 4")
    with closing(SOURCE.open(plan, lambda _: mariadb)) as source:
        source.ping()
        window = source.window("incremental", None, None)
        run(mariadb, "INSERT INTO f VALUES (0, 'n')")
        assert [row["id"] for batch in source.read(window) for row in batch.frame.to_dicts()] == [1, 2]
        run(mariadb, "UPDATE f SET done = 'n' WHERE id = 2")
    with closing(SOURCE.open(plan, lambda _: mariadb)) as source:
        source.ack()
        source.ack()
    assert execute(mariadb, "SELECT id, done FROM f ORDER BY id") == [(0, "n"), (1, "y"), (2, "n"), (3, "y"), (4, "n")]
    wrong = replace(plan, increment=replace(flag, claimed="zzz"))
    with closing(SOURCE.open(wrong, lambda _: mariadb)) as source, pytest.raises(ConfigError, match="zzz"):
        source.ping()


@pytest.mark.parametrize(
    "shape", ["a int, b bigint unsigned", "a varchar(9) CHARACTER SET latin1 COLLATE latin1_bin, b int"]
)
def test_a_read_goes_on_behind_a_position(mariadb: ConnectionInfo, shape: str) -> None:
    run(mariadb, f"CREATE TABLE p (v text, {shape}, PRIMARY KEY (a, b))")
    run(mariadb, "INSERT INTO p SELECT concat('v', seq), seq % 3, seq FROM seq_1_to_25")
    plan = replace(plan_of("p"), load="staged", batch_rows=7)
    batches = batches_of(mariadb, plan)
    everything = [row for batch in batches for row in batch.frame.to_dicts()]
    assert [(int(row["a"]), int(row["b"])) for row in everything] == sorted((n % 3, n) for n in range(1, 26))
    assert [row[ROW] for row in everything] == list(range(1, 26))
    for at, batch in enumerate(batches):
        rest = [row for later in batches[at + 1 :] for row in later.frame.to_dicts()]
        assert rows_of(mariadb, plan, Window("full"), batch.position) == rest
    assert {batch.position for batch in batches_of(mariadb, replace(plan, load=None))} == {""}


@pytest.mark.parametrize("key", ["a varchar(9) PRIMARY KEY", "a enum('1','2') PRIMARY KEY",
                                 "a text, PRIMARY KEY (a(5))", "a datetime PRIMARY KEY", "a int UNIQUE"])  # fmt: skip
def test_a_key_that_orders_otherwise_gives_no_position(mariadb: ConnectionInfo, key: str) -> None:
    run(
        mariadb,
        f"CREATE TABLE p ({key})",
        "INSERT INTO p VALUES ('1')" if "datetime" not in key else "INSERT INTO p VALUES (now())",
    )
    assert {batch.position for batch in batches_of(mariadb, replace(plan_of("p"), load="staged"))} == {""}


def test_one_snapshot_and_nothing_is_locked(mariadb: ConnectionInfo) -> None:
    run(mariadb, "CREATE TABLE s (id int PRIMARY KEY)", "INSERT INTO s SELECT seq FROM seq_1_to_1000")
    with closing(SOURCE.open(replace(plan_of("s"), batch_rows=10), lambda _: mariadb)) as source:
        batches = source.read(Window("full"))
        first = next(batches)
        run(mariadb, "DELETE FROM s", "INSERT INTO s VALUES (-1)")
        assert first.total
        assert sorted(n for batch in [first, *batches] for n in batch.frame["id"]) == list(range(1, 1001))


def test_times_and_databases_of_others(mariadb: ConnectionInfo, mariadb_server: MariadbServer) -> None:
    beside = mariadb_server.create_database()
    run(beside, "CREATE TABLE t (at time)", "INSERT INTO t VALUES ('10:00:00')")
    assert [row["at"] for row in rows_of(mariadb, plan_of("t", schema=str(beside.schema)))] == [time(10)]
    run(mariadb, "CREATE TABLE orders (id int)")
    with closing(SOURCE.open(plan_of("order"), lambda _: mariadb)) as source, pytest.raises(ConfigError) as caught:
        source.ping()
    assert "did you mean 'orders'?" in caught.value.what
    mariadb_server.drop_database(beside)
