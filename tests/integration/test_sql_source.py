"""Source `sql` on PostgreSQL and SQLite through SQLAlchemy: exact values, windows, names as data, what is refused."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import date, datetime, time, timezone
from decimal import Decimal
from typing import Any

import pytest

from sync_provider.core.contracts import (
    ROW,
    ColumnPlan,
    ConnectionInfo,
    IncrementPlan,
    Plan,
    SchedulePlan,
    SourcePlan,
    TargetPlan,
    Window,
)
from sync_provider.core.engine import probe_connection, probe_source
from sync_provider.core.errors import AuthenticationError, ConfigError, ConnectError, DataError
from sync_provider.core.sources.sql import SOURCE
from tests.services.postgres import execute

DIALECT = "postgresql+psycopg"
#: type, literal, what the frame holds (text where no frame type holds it exactly)
_TYPES: list[tuple[str, str, Any]] = [
    ("smallint", "-32768", -32768),
    ("integer", "2147483647", 2147483647),
    ("bigint", "-9223372036854775808", -9223372036854775808),
    ("numeric(12,2)", "1234567890.12", Decimal("1234567890.12")),
    ("numeric(38,0)", "9" * 38, Decimal("9" * 38)),
    ("numeric", "12345678901234567890.123456789", "12345678901234567890.123456789"),
    ("numeric(12,2)", "NaN", "NaN"),
    ("double precision", "0.1", 0.1),
    ("double precision", "-Infinity", float("-inf")),
    ("real", "0.5", 0.5),
    ("boolean", "false", False),
    ("timestamp", "2024-02-29 12:34:56.789012", datetime(2024, 2, 29, 12, 34, 56, 789012)),
    ("timestamptz", "2024-02-29 12:34:56.789012+08",
     datetime(2024, 2, 29, 4, 34, 56, 789012, tzinfo=timezone.utc)),
    ("date", "2024-02-29", date(2024, 2, 29)),
    ("time", "23:59:59.999999", time(23, 59, 59, 999999)),
    ("json", '{"a": 1.10,  "a": 2}', '{"a": 1.10,  "a": 2}'),
    ("jsonb", '{"k": "中", "n": 1.10}', '{"k": "中", "n": 1.10}'),
    ("uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
    ("bytea", "\\x00ff", b"\x00\xff"),
    ("mood", "happy", "happy"),
    ("varchar(10)", "空 ", "空 "),
    ("text", "", ""),
]  # fmt: skip


def plan_of(table: str, source: dict[str, Any] | None = None, **options: str) -> Plan:
    chosen = SourcePlan("sql", "pg", {"schema": "public", "dialect": DIALECT, **(source or {}), **options})
    return Plan("lib", "shop", table, chosen, TargetPlan("t", "x"), "full", "append", SchedulePlan("manual"))


def rows_of(info: ConnectionInfo, plan: Plan, window: Window | None = None, after: str = "") -> list[dict[str, Any]]:
    with closing(SOURCE.open(plan, lambda _: info)) as source:
        batches = list(source.read(window or source.window("full", None, None), after))
    return [row for batch in batches for row in batch.frame.to_dicts()]


def test_every_type_is_exact(postgres: ConnectionInfo) -> None:
    execute(postgres, "CREATE TYPE mood AS ENUM ('sad', 'happy')")
    execute(postgres, f"CREATE TABLE every ({', '.join(f'c{at} {kind}' for at, (kind, _, _) in enumerate(_TYPES))})")
    marks = ", ".join(f"%s::{kind}" for kind, _, _ in _TYPES)
    execute(postgres, f"INSERT INTO every VALUES ({marks})", [text for _, text, _ in _TYPES])
    execute(postgres, "INSERT INTO every DEFAULT VALUES")
    full, empty = rows_of(postgres, plan_of("every"))
    for at, (kind, text, expected) in enumerate(_TYPES):
        assert (full[f"c{at}"], type(full[f"c{at}"])) == (expected, type(expected)), (kind, text)
    assert set(empty.values()) == {None, 2}


@pytest.mark.parametrize("kind", ["postgres", "generic"])
def test_test_connection_goes_through_the_source_where_the_type_says_nothing(
    postgres: ConnectionInfo, kind: str
) -> None:
    execute(postgres, "CREATE TABLE t (id int, at timestamptz)")
    plan = replace(plan_of("t"), increment=IncrementPlan("timestamp", "at", 300.0))
    steps = probe_source(plan, lambda _: replace(postgres, type=kind))
    assert all(step.ok for step in steps), steps
    assert [step.name for step in steps][-2:] == ["read", "increment"]
    assert "lag" in steps[-1].message
    (failed,) = probe_source(plan, lambda _: replace(postgres, type="generic", password="not-it"))
    assert (failed.ok, failed.name, "not-it" in str(failed)) == (False, "read", False)
    (alone,) = probe_connection(replace(postgres, type="generic"))
    assert "LIBRARY.SOURCE.INTERFACE" in alone.fix


def test_a_query_is_typed_by_its_first_values(postgres: ConnectionInfo) -> None:
    query = (
        "SELECT 1 AS n, 1.50::numeric AS d, 'a:b % \\:c'::text AS t, now()::date AS day, NULL::int AS nothing -- all"
    )
    with closing(SOURCE.open(plan_of("q", query=query + ";"), lambda _: postgres)) as source:
        assert {name: kind.kind for name, kind in source.columns().items()} == {
            "n": "int64", "d": "decimal", "t": "text", "day": "date", "nothing": "text",
        }  # fmt: skip
        (batch,) = source.read(Window("full"))
    assert batch.frame.select("n", "d", "t", "nothing").row(0) == (1, "1.50", "a:b % \\:c", None)


def test_a_type_without_an_exact_way_is_refused_by_name_unless_it_is_dropped(postgres: ConnectionInfo) -> None:
    execute(postgres, "CREATE TABLE t (id int, took interval); INSERT INTO t VALUES (1, '1 day')")
    with closing(SOURCE.open(plan_of("t"), lambda _: postgres)) as source, pytest.raises(DataError) as caught:
        source.ping()
    assert "'took'" in caught.value.what
    assert "INTERVAL" in caught.value.what
    dropped = replace(plan_of("t"), columns=(ColumnPlan("took", "took", drop=True),))
    assert [row["id"] for row in rows_of(postgres, dropped)] == [1]
    assert [row["took"] for row in rows_of(postgres, plan_of("q", query="SELECT took::text FROM t"))] == ["1 day"]


@pytest.mark.parametrize("name", ['x"; DROP TABLE victim; --', "x`; DROP TABLE victim; --", "x'; DROP TABLE victim; --",
                                  "x%(a)s:b", "a;b"])  # fmt: skip
def test_names_are_data(postgres: ConnectionInfo, name: str) -> None:
    """R21: no name and no bound becomes SQL."""
    quoted = '"' + name.replace('"', '""') + '"'
    execute(postgres, "CREATE TABLE victim (id int); INSERT INTO victim VALUES (1)")
    execute(postgres, f"CREATE TABLE {quoted} ({quoted} timestamp, id int)".replace("%", "%%"), [])
    execute(postgres, f"INSERT INTO {quoted} VALUES ('2026-01-01', 1), ('2026-01-02', 2)".replace("%", "%%"), [])
    plan = replace(plan_of(name), increment=IncrementPlan("timestamp", name, 0.0))
    assert [row["id"] for row in rows_of(postgres, plan, Window("manual", "2026-01-02", None))] == [2]
    with closing(SOURCE.open(plan, lambda _: postgres)) as source:
        assert source.window("incremental", None, None).until == "2026-01-02 00:00:00"
        with pytest.raises(ConfigError):
            source.window("manual", "2026-01-01' OR '1'='1", None)
    by_key = replace(plan_of(name), increment=IncrementPlan("key", "id"))
    with closing(SOURCE.open(by_key, lambda _: postgres)) as source, pytest.raises(ConfigError):
        source.window("incremental", "1 OR 1=1", None)
    assert execute(postgres, "SELECT id FROM victim") == [(1,)]


def test_where_is_put_in_brackets_and_taken_as_it_is(postgres: ConnectionInfo) -> None:
    execute(postgres, "CREATE TABLE w (id int, v text); INSERT INTO w VALUES (1, 'a:b'), (2, '5%'), (3, 'c')")
    plan = replace(plan_of("w"), where="v = 'a:b' OR v LIKE '%5\\%' -- mostly", increment=IncrementPlan("key", "id"))
    assert [row["id"] for row in rows_of(postgres, plan, Window("manual", "2", None))] == [2]


@pytest.mark.parametrize(("kind", "since", "until", "wanted"), [
    ("date", "2026-01-02", "2026-01-04", [2, 3]),
    ("date", "2026-01-02 12:00:00", "2026-01-04 12:00:00", [3, 4]),
    ("timestamptz", "2026-01-02T08:00:00+08:00", "2026-01-04T00:00:00Z", [2, 3]),
    ("timestamp", "2026-01-02T08:00:00+08:00", "2026-01-03 12:00:00", [2, 3]),
])  # fmt: skip
def test_bounds_are_compared_as_moments(
    postgres: ConnectionInfo, kind: str, since: str, until: str, wanted: list[int]
) -> None:
    execute(postgres, f"CREATE TABLE b (id int, at {kind})")
    execute(postgres, f"INSERT INTO b SELECT g, ('2026-01-0' || g)::{kind} FROM generate_series(1, 5) g")
    plan = replace(plan_of("b"), increment=IncrementPlan("timestamp", "at", 0.0))
    with closing(SOURCE.open(plan, lambda _: postgres)) as source:
        rows = [n for batch in source.read(source.window("manual", since, until)) for n in batch.frame["id"]]
    assert sorted(rows) == wanted


def test_a_naive_cursor_is_of_its_zone(postgres: ConnectionInfo) -> None:
    execute(postgres, "CREATE TABLE z (id int, at timestamp); INSERT INTO z VALUES (1, '2026-01-01 08:00:00')")
    plan = replace(
        plan_of("z"),
        increment=IncrementPlan("timestamp", "at", 0.0),
        columns=(ColumnPlan("at", "at", timezone="Asia/Shanghai"),),
    )
    with closing(SOURCE.open(plan, lambda _: postgres)) as source:
        assert source.window("manual", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z").since == "2026-01-01 08:00:00"


def test_keys_have_a_lag_in_keys(postgres: ConnectionInfo) -> None:
    execute(postgres, "CREATE TABLE k (id bigint); INSERT INTO k SELECT generate_series(1, 20)")
    plan = replace(plan_of("k"), increment=IncrementPlan("key", "id", lag_keys=3))
    with closing(SOURCE.open(plan, lambda _: postgres)) as source:
        window = source.window("incremental", "15", None)
        assert (window.since, window.until) == ("12", "20")
        assert "lag" in source.advice()[0]
        assert sorted(n for batch in source.read(window) for n in batch.frame["id"]) == list(range(12, 21))
    text = replace(plan_of("k2"), increment=IncrementPlan("key", "v"))
    execute(postgres, "CREATE TABLE k2 (v text)")
    with closing(SOURCE.open(text, lambda _: postgres)) as source, pytest.raises(ConfigError, match="order"):
        source.window("incremental", None, None)


def test_a_read_goes_on_behind_a_position(postgres: ConnectionInfo) -> None:
    execute(postgres, "CREATE TABLE p (a int, b bigint, v text, PRIMARY KEY (a, b))")
    execute(postgres, "INSERT INTO p SELECT g % 3, g, 'v' || g FROM generate_series(1, 25) g")
    plan = replace(plan_of("p"), load="staged", batch_rows=7)
    with closing(SOURCE.open(plan, lambda _: postgres)) as source:
        batches = list(source.read(Window("full")))
    everything = [row for batch in batches for row in batch.frame.to_dicts()]
    assert [(row["a"], row["b"]) for row in everything] == sorted((g % 3, g) for g in range(1, 26))
    for at, batch in enumerate(batches):
        rest = [row for later in batches[at + 1 :] for row in later.frame.to_dicts()]
        assert rows_of(postgres, plan, Window("full"), batch.position) == rest
    assert {batch.position for batch in _batches(postgres, replace(plan, load=None))} == {""}
    execute(postgres, "CREATE TABLE nokey (a int); INSERT INTO nokey VALUES (1)")
    assert {batch.position for batch in _batches(postgres, replace(plan_of("nokey"), load="staged"))} == {""}


def _batches(info: ConnectionInfo, plan: Plan) -> list[Any]:
    with closing(SOURCE.open(plan, lambda _: info)) as source:
        return list(source.read(Window("full")))


def test_values_of_another_type_stay_text_in_sqlite(sqlite: ConnectionInfo) -> None:
    connection = sqlite3.connect(sqlite.host or "")
    connection.executescript(
        "CREATE TABLE m (n INTEGER, d DECIMAL(12,2), at DATETIME, ok BOOLEAN, b BLOB);"
        "INSERT INTO m VALUES (9223372036854775807, 12.5, '2026-01-01 10:00:00', 1, x'00ff');"
        "INSERT INTO m VALUES ('many', 'x', 'soon', 'maybe', 'text')"
    )
    connection.close()
    plan = replace(plan_of("m", {"schema": None, "dialect": None}), batch_rows=1)
    first, second = rows_of(sqlite, plan)
    assert first == {
        "n": 9223372036854775807, "d": Decimal("12.50"), "at": datetime(2026, 1, 1, 10), "ok": True, "b": b"\x00\xff",
        ROW: 1,
    }  # fmt: skip
    assert second == {"n": "many", "d": "x", "at": "soon", "ok": "maybe", "b": "text", ROW: 2}
    by_time = replace(plan, increment=IncrementPlan("timestamp", "at", 0.0))
    with closing(SOURCE.open(by_time, lambda _: sqlite)) as source, pytest.raises(ConfigError, match="text"):
        source.window("incremental", None, None)


def test_what_a_connection_says_wrong(postgres: ConnectionInfo, sqlite: ConnectionInfo) -> None:
    def ping(info: ConnectionInfo, dialect: str | None) -> None:
        with closing(SOURCE.open(plan_of("t", {"dialect": dialect}), lambda _: info)) as source:
            source.ping()

    with pytest.raises(ConfigError, match="says no dialect"):
        ping(replace(postgres, type="generic"), None)
    with pytest.raises(ConfigError, match="nosuch"):
        ping(postgres, "nosuch")
    with pytest.raises(ConfigError, match="no such file"):
        ping(sqlite, "sqlite")
    with pytest.raises(ConfigError, match="NULL"):
        ping(replace(postgres, type="mysql"), None)
    with pytest.raises(ConfigError, match=r"'public\.t' does not exist"):
        ping(postgres, DIALECT)
    with pytest.raises(AuthenticationError) as refused:
        ping(replace(postgres, password="wr0ng-one"), DIALECT)
    assert "wr0ng-one" not in str(refused.value)
    with pytest.raises(ConnectError):
        ping(replace(postgres, port=1), DIALECT)
