"""Source `postgres` on a real server: every type exact, windows, names, rights, what is missing."""

from __future__ import annotations

import os
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
from sync_provider.core.errors import AuthenticationError, ConfigError
from sync_provider.core.sources.postgres import SOURCE
from tests.services.postgres import execute

#: type, literal, what the frame holds (text where no frame type holds it exactly)
_TYPES: list[tuple[str, str, Any]] = [
    ("smallint", "-32768", -32768),
    ("integer", "2147483647", 2147483647),
    ("bigint", "9223372036854775807", 9223372036854775807),
    ("numeric(12,2)", "1234567890.12", Decimal("1234567890.12")),
    ("numeric(38,0)", "9" * 38, Decimal("9" * 38)),
    ("numeric", "12345678901234567890.123456789", "12345678901234567890.123456789"),
    ("numeric", "1.10", "1.10"),
    ("numeric(50,10)", "1234567890123456789012345678901234567890.0123456789",
     "1234567890123456789012345678901234567890.0123456789"),
    ("numeric(12,2)", "NaN", "NaN"),
    ("numeric(3,-2)", "12345", "12300"),
    ("real", "1.1", "1.1f"),
    ("double precision", "NaN", "nan"),
    ("double precision", "-Infinity", float("-inf")),
    ("double precision", "0.1", 0.1),
    ("timestamp", "2024-02-29 12:34:56.789012", datetime(2024, 2, 29, 12, 34, 56, 789012)),
    ("timestamp(3)", "2024-02-29 12:34:56.789", datetime(2024, 2, 29, 12, 34, 56, 789000)),
    ("timestamptz", "2024-02-29 12:34:56.789012+08",
     datetime(2024, 2, 29, 4, 34, 56, 789012, tzinfo=timezone.utc)),
    ("timestamptz", "infinity", "infinity"),
    ("timestamptz", "10000-01-01 00:00:00+00", "10000-01-01 00:00:00+00"),
    ("timestamp", "0044-03-15 BC", "0044-03-15 00:00:00 BC"),
    ("date", "2024-02-29", date(2024, 2, 29)),
    ("date", "-infinity", "-infinity"),
    ("date", "0044-03-15 BC", "0044-03-15 BC"),
    ("time", "23:59:59.999999", time(23, 59, 59, 999999)),
    ("time", "24:00:00", "24:00:00"),
    ("timetz", "12:00+08", "12:00:00+08"),
    ("interval", "1 mon 2 days 03:04:05.000006", "1 mon 2 days 03:04:05.000006"),
    ("boolean", "true", True),
    ("boolean", "false", False),
    ("json", '{"a": 1,  "a": 2}', '{"a": 1,  "a": 2}'),
    ("jsonb", '{"k":"中","n":1.10}', '{"k": "中", "n": 1.10}'),
    ("uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
    ("mood", "happy", "happy"),
    ("money_2", "7.50", Decimal("7.50")),
    ("int[]", "{1,NULL,3}", "{1,NULL,3}"),
    ("text[]", '{a,"b,c",NULL}', '{a,"b,c",NULL}'),
    ("numeric[]", "{1.10,2}", "{1.10,2}"),
    ("int[][]", "{{1,2},{3,4}}", "{{1,2},{3,4}}"),
    ("bytea", "\\x00ff", b"\x00\xff"),
    ("bytea", "", b""),
    ("inet", "10.0.0.1/24", "10.0.0.1/24"),
    ("money", "12.34", "$12.34"),
    ("bit(5)", "10101", "10101"),
    ("varchar(10)", "空 ", "空 "),
    ("char(5)", "ab", "ab   "),
    ("text", "", ""),
    ("text", "\\.", "\\."),
    ("int4range", "[1,5)", "[1,5)"),
    ("tsvector", "a b", "'a' 'b'"),
    ("xml", "<a/>", "<a/>"),
    ("comp_t", "(1,x)", "(1,x)"),
    ("oid", "123", "123"),
    ("name", "n", "n"),
]  # fmt: skip


def plan_of(table: str, **options: str) -> Plan:
    source = SourcePlan("postgres", "pg", {"schema": "public", **options})
    return Plan("lib", "shop", table, source, TargetPlan("t", "x"), "full", "append", SchedulePlan("manual"))


def rows_of(info: ConnectionInfo, plan: Plan, window: Window | None = None) -> list[dict[str, Any]]:
    with closing(SOURCE.open(plan, lambda _: info)) as source:
        batches = list(source.read(window or source.window("full", None, None)))
    return [row for batch in batches for row in batch.frame.drop(ROW).to_dicts()]


def test_every_type_is_exact(postgres: ConnectionInfo) -> None:
    execute(
        postgres,
        "CREATE TYPE mood AS ENUM ('sad', 'happy'); CREATE TYPE comp_t AS (a int, b text);"
        "CREATE DOMAIN money_2 AS numeric(10,2) CHECK (VALUE > 0)",
    )
    columns = ", ".join(f"c{number} {kind}" for number, (kind, _, _) in enumerate(_TYPES))
    execute(postgres, f"CREATE TABLE every ({columns})")
    marks = ", ".join(f"%s::{kind}" for kind, _, _ in _TYPES)
    execute(postgres, f"INSERT INTO every VALUES ({marks})", [text for _, text, _ in _TYPES])
    execute(postgres, "INSERT INTO every DEFAULT VALUES")
    for plan in (plan_of("every"), plan_of("q", query="SELECT * FROM every -- all of it\n;")):
        full, empty = rows_of(postgres, plan)
        for number, (kind, text, expected) in enumerate(_TYPES):
            got = full[f"c{number}"]
            if expected == "1.1f":
                assert got == pytest.approx(1.1)
            elif expected == "nan":
                assert got != got
            else:
                assert (got, type(got)) == (expected, type(expected)), (kind, text)
        assert set(empty.values()) == {None}


def test_types_come_from_the_catalogue(postgres: ConnectionInfo) -> None:
    execute(
        postgres,
        "CREATE DOMAIN cents AS numeric(10,2) NOT NULL; CREATE TABLE shapes (a varchar(7) NOT NULL, b numeric(12,2),"
        " c cents, d timestamp(3), e text[], f numeric(3,-2), g char(2)); ALTER TABLE shapes ADD x int;"
        "ALTER TABLE shapes DROP COLUMN x",
    )
    with closing(SOURCE.open(plan_of("shapes"), lambda _: postgres)) as source:
        found = {name: (str(kind), kind.raw, kind.nullable) for name, kind in source.columns().items()}
    assert found == {
        "a": ("varchar(7)", "character varying(7)", False),
        "b": ("decimal(12,2)", "numeric(12,2)", True),
        "c": ("decimal(10,2)", "cents", False),
        "d": ("timestamp", "timestamp(3) without time zone", True),
        "e": ("text[]", "text[]", True),
        "f": ("decimal", "numeric(3,-2)", True),
        "g": ("varchar(2)", "character(2)", True),
    }


def test_a_value_that_does_not_fit_leaves_its_column_as_text_in_that_batch_only(postgres: ConnectionInfo) -> None:
    execute(
        postgres, "CREATE TABLE n (v numeric(5,2)); INSERT INTO n SELECT g FROM generate_series(1, 4) g; INSERT INTO n"
        " VALUES ('NaN'), (6)"
    )  # fmt: skip
    with closing(SOURCE.open(replace(plan_of("n"), batch_rows=2), lambda _: postgres)) as source:
        kinds = [batch.frame["v"].to_list() for batch in source.read(Window("full"))]
    assert kinds == [[Decimal(1), Decimal(2)], [Decimal(3), Decimal(4)], ["NaN", "6.00"]]


def test_one_null_column_is_still_a_row(postgres: ConnectionInfo) -> None:
    execute(postgres, "CREATE TABLE one (v text); INSERT INTO one VALUES (NULL), (''), ('x'), (NULL)")
    assert [row["v"] for row in rows_of(postgres, plan_of("one"))] == [None, "", "x", None]


def test_big_values_pass(postgres: ConnectionInfo) -> None:
    execute(
        postgres,
        "CREATE TABLE big (v text); INSERT INTO big"
        " SELECT repeat('x\"' || chr(10), 1000000 * g) FROM generate_series(1, 3) g",
    )
    assert [len(row["v"]) for row in rows_of(postgres, plan_of("big"))] == [3_000_000, 6_000_000, 9_000_000]


def test_where_and_query_take_the_plans_own_sql(postgres: ConnectionInfo) -> None:
    execute(
        postgres,
        "CREATE TABLE w (id int, at timestamptz); INSERT INTO w"
        " SELECT g, '2026-01-01Z'::timestamptz + g * '1 h'::interval FROM generate_series(1, 9) g",
    )
    plan = replace(plan_of("w"), where="id > 3 OR id = 1 -- mostly", increment=IncrementPlan("timestamp", "at", 0))
    with closing(SOURCE.open(plan, lambda _: postgres)) as source:
        window = source.window("incremental", "2026-01-01 02:00:00+00", None)
        assert window == Window("incremental", "2026-01-01 02:00:00+00", "2026-01-01 09:00:00+00")
        assert [batch.frame["id"].to_list() for batch in source.read(window)] == [[4, 5, 6, 7, 8, 9]]
    plan = plan_of("q", query="SELECT id * 10 AS ten, count(*) OVER () AS n FROM w WHERE id < 3;")
    assert rows_of(postgres, plan) == [{"ten": 10, "n": 2}, {"ten": 20, "n": 2}]


def test_only_columns_that_are_needed_are_read(postgres: ConnectionInfo) -> None:
    execute(postgres, "CREATE TABLE wide (a int, b int, c int, d int); INSERT INTO wide VALUES (1, 2, 3, 4)")
    dropped = tuple(ColumnPlan(name, name, drop=True) for name in "abc")
    plan = replace(plan_of("wide"), columns=(*dropped, ColumnPlan("sum", "sum", expr="B + d")), filter="c > 1")
    assert rows_of(postgres, plan) == [{"b": 2, "c": 3, "d": 4}]


@pytest.mark.parametrize(
    ("kind", "zone", "newest"),
    [
        ("timestamptz", None, "2026-01-01 10:00:00.5+00"),
        ("timestamp", "Asia/Shanghai", "2026-01-01 10:00:00.5"),
        ("date", "Asia/Shanghai", "2026-01-01"),
    ],
)
def test_cursors_by_type(postgres: ConnectionInfo, kind: str, zone: str | None, newest: str) -> None:
    execute(
        postgres, f"CREATE TABLE c (id int, at {kind}); INSERT INTO c VALUES (1, '2026-01-01 10:00:00.5'),"
        " (2, '2999-01-01'), (3, 'infinity'), (4, NULL), (5, '-infinity')"
    )  # fmt: skip
    columns = (ColumnPlan("at", "at", timezone=zone),)
    plan = replace(plan_of("c"), columns=columns, increment=IncrementPlan("timestamp", "at", 300))
    with closing(SOURCE.open(plan, lambda _: postgres)) as source:
        assert source.window("full", None, None) == Window("full", None, newest)
        window = source.window("incremental", newest, None)
        assert window.until is not None
        assert window.until.startswith(newest.removesuffix("+00"))
        assert [batch.frame["id"].to_list() for batch in source.read(window)] == [[1]]
        # 02:00 UTC is 10:00 in Shanghai; a date is the midnight it starts with
        manual = source.window("manual", "2026-01-01T02:00:00Z", "2026-01-02T00:00:00Z")
        expected = [] if kind == "date" else [1]
        assert [row for batch in source.read(manual) for row in batch.frame["id"].to_list()] == expected


def test_a_start_in_the_future_is_not_fallen_short_of(postgres: ConnectionInfo) -> None:
    """The checkpoint stays behind open transactions, and never before what was asked for."""
    execute(postgres, "create table c (at timestamptz)")
    execute(postgres, "insert into c values (now())")
    plan = replace(plan_of("c"), increment=IncrementPlan("timestamp", "at", 0, start="2100-01-01"))
    with closing(SOURCE.open(plan, lambda _: postgres)) as source:
        window = source.window("incremental", "2100-01-01", None)
        assert window.reaches == "2100-01-01 00:00:00+00"
        assert list(source.read(window)) == []


def test_a_cursor_that_is_no_time_is_refused(postgres: ConnectionInfo) -> None:
    execute(postgres, "CREATE TABLE c (id int)")
    for cursor, said in (("id", "is integer"), ("at", "is not there")):
        plan = replace(plan_of("c"), increment=IncrementPlan("timestamp", cursor, 0))
        with closing(SOURCE.open(plan, lambda _: postgres)) as source, pytest.raises(ConfigError, match=said):
            source.window("full", None, None)


def test_reading_cannot_write(postgres: ConnectionInfo) -> None:
    execute(
        postgres, "CREATE TABLE t (a int); CREATE FUNCTION sneaky() RETURNS int LANGUAGE sql AS"
        " 'INSERT INTO t VALUES (1) RETURNING a'"
    )  # fmt: skip
    with pytest.raises(Exception, match="read-only transaction"):
        rows_of(postgres, plan_of("q", query="SELECT sneaky() AS a"))
    assert execute(postgres, "SELECT count(*) FROM t") == [(0,)]


def test_a_missing_table_is_named_with_the_nearest(postgres: ConnectionInfo) -> None:
    execute(postgres, "CREATE TABLE orders (a int)")
    with closing(SOURCE.open(plan_of("oders"), lambda _: postgres)) as source, pytest.raises(ConfigError) as caught:
        source.ping()
    assert "table 'public.oders' does not exist" in caught.value.what
    assert "did you mean 'orders'?" in caught.value.what


def test_a_login_without_rights(postgres: ConnectionInfo) -> None:
    role = f"reader_{os.getpid()}"
    execute(
        postgres, f"CREATE TABLE t (a int, b int); CREATE ROLE {role} LOGIN PASSWORD 'x';"
        f"GRANT SELECT (a) ON t TO {role};"
        f"REVOKE TEMP ON DATABASE {postgres.schema} FROM PUBLIC"
    )  # fmt: skip
    reader = replace(postgres, login=role, password="x")
    try:
        with closing(SOURCE.open(plan_of("t"), lambda _: reader)) as source, pytest.raises(AuthenticationError):
            source.ping()
        plan = replace(plan_of("t"), columns=(ColumnPlan("b", "b", drop=True),))
        execute(postgres, "INSERT INTO t VALUES (1, 2)")
        assert rows_of(reader, plan) == [{"a": 1}]
        # no right to make a temporary view: types are still told, lengths are not
        with closing(
            SOURCE.open(plan_of("q", query="SELECT a, 1.5::numeric(5,2) AS n FROM t"), lambda _: reader)
        ) as source:
            assert {name: str(kind) for name, kind in source.columns().items()} == {"a": "integer", "n": "decimal"}
            assert [batch.frame.drop(ROW).rows() for batch in source.read(Window("full"))] == [[(1, "1.50")]]
    finally:
        execute(postgres, f"DROP OWNED BY {role}; DROP ROLE {role}")
