"""Source `sqlite` on real files: values of any kind in any column, cursors in any ISO form, what is missing."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import date, datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from sync_provider.core.contracts import (
    ROW,
    Batch,
    ColumnPlan,
    ConnectionInfo,
    IncrementPlan,
    MaskPlan,
    Plan,
    SchedulePlan,
    SourcePlan,
    TargetPlan,
    Window,
)
from sync_provider.core.errors import ConfigError, DataError, SyncError
from sync_provider.core.sources.sqlite import SOURCE


def script(info: ConnectionInfo, sql: str) -> None:
    connection = sqlite3.connect(info.host or "")
    connection.executescript(sql)
    connection.close()


def plan_of(table: str, **options: str) -> Plan:
    source = SourcePlan("sqlite", "lite", options)
    return Plan("lib", "shop", table, source, TargetPlan("t", "x"), "full", "append", SchedulePlan("manual"))


def batches_of(info: ConnectionInfo, plan: Plan, window: Window | None = None) -> list[Batch]:
    with closing(SOURCE.open(plan, lambda _: info)) as source:
        return list(source.read(window or source.window("full", None, None)))


def test_declared_types(sqlite: ConnectionInfo) -> None:
    script(
        sqlite,
        "CREATE TABLE t (a INTEGER PRIMARY KEY, b VARCHAR(10) NOT NULL, c DECIMAL(12, 2), d NUMERIC, e BOOLEAN, f DATE,"
        " g DATETIME, h UNSIGNED BIG INT, i DOUBLE PRECISION, j BLOB, k JSON, l, m TIMESTAMP WITH TIME ZONE, n ODD)",
    )
    with closing(SOURCE.open(plan_of("t"), lambda _: sqlite)) as source:
        found = {name: (str(kind), kind.nullable) for name, kind in source.columns().items()}
    assert found == {
        "a": ("bigint", False),
        "b": ("text", False),
        "c": ("decimal(12,2)", True),
        "d": ("decimal", True),
        "e": ("boolean", True),
        "f": ("date", True),
        "g": ("timestamp", True),
        "h": ("bigint", True),
        "i": ("double", True),
        "j": ("binary", True),
        "k": ("json", True),
        "l": ("text", True),
        "m": ("timestamptz", True),
        "n": ("text", True),
    }


@pytest.mark.parametrize(
    ("declared", "literals", "expected"),
    [
        ("INTEGER", ["-9223372036854775808", "NULL"], [-9223372036854775808, None]),
        ("INTEGER", ["1", "'abc'", "2.5"], ["1", "abc", "2.5"]),
        ("REAL", ["0.1", "9e999", "1"], [0.1, float("inf"), 1.0]),
        ("REAL", ["0.1", "'n/a'"], ["0.1", "n/a"]),
        ("DECIMAL(12,2)", ["12.3", "7", "'9999999999.99'"], [Decimal("12.30"), Decimal(7), Decimal("9999999999.99")]),
        ("DECIMAL(12,2)", ["12.345", "1"], ["12.345", "1"]),
        ("DECIMAL(4,2)", ["123.4", "1"], ["123.4", "1"]),
        ("DECIMAL(12,2)", ["1", "'12,5'"], ["1", "12,5"]),
        ("NUMERIC", ["0.1", "'12345678901234567890.123'"], ["0.1", "1.2345678901234567e+19"]),
        ("BOOLEAN", ["0", "1", "NULL"], [False, True, None]),
        ("BOOLEAN", ["0", "2"], ["0", "2"]),
        ("BOOLEAN", ["'true'", "'f'"], [True, False]),
        ("DATE", ["'2024-02-29'"], [date(2024, 2, 29)]),
        ("DATE", ["'2024-02-30'", "'2024-02-29'"], ["2024-02-30", "2024-02-29"]),
        ("DATE", ["20240229"], ["20240229"]),
        ("DATETIME", ["'2024-02-29T12:00:00'", "'2024-02-29 12:00:00.5'"],
         [datetime(2024, 2, 29, 12), datetime(2024, 2, 29, 12, 0, 0, 500000)]),
        ("DATETIME", ["'2024-02-29 12:00:00.1234567'"], ["2024-02-29 12:00:00.1234567"]),
        ("DATETIME", ["'2024-02-29 12:00:00+08:00'"], ["2024-02-29 12:00:00+08:00"]),
        ("DATETIME", ["1709208000"], ["1709208000"]),
        ("TIMESTAMPTZ", ["'2024-02-29 12:00:00+08:00'", "'2024-02-29T12:00:00Z'"],
         [datetime(2024, 2, 29, 4, tzinfo=timezone.utc), datetime(2024, 2, 29, 12, tzinfo=timezone.utc)]),
        ("BLOB", ["x'00ff'", "NULL"], [b"\x00\xff", None]),
        ("BLOB", ["x'00ff'", "'text'"], ["\\x00ff", "text"]),
        ("TEXT", ["''", "NULL", "42", "'😀'"], ["", None, "42", "😀"]),
    ],
)  # fmt: skip
def test_values_that_fit_are_typed_and_others_stay_as_they_are(
    sqlite: ConnectionInfo, declared: str, literals: list[str], expected: list[Any]
) -> None:
    script(sqlite, f"CREATE TABLE t (v {declared}); INSERT INTO t VALUES {', '.join(f'({text})' for text in literals)}")
    (batch,) = batches_of(sqlite, plan_of("t"))
    assert batch.bad is None
    assert batch.frame["v"].to_list() == expected


def test_bytes_and_broken_text_in_a_text_column_cost_their_rows_only(sqlite: ConnectionInfo) -> None:
    values = "(1, 'a'), (2, x'00ff'), (3, CAST(x'636166e9' AS TEXT)), (4, 'd')"
    script(sqlite, f"CREATE TABLE t (id INTEGER, name TEXT); INSERT INTO t VALUES {values}")
    (batch,) = batches_of(sqlite, plan_of("t"))
    assert batch.frame.rows() == [(1, "a", 1), (4, "d", 4)]
    assert batch.bad is not None
    assert batch.bad.select(ROW, "position", "rule", "message", "raw").rows() == [
        (2, "t", "type(name)", "row 2 name holds 2 bytes, which is not text: 00 ff", '{"id": 2, "name": "\\\\x00ff"}'),
        (
            3,
            "t",
            "type(name)",
            "row 3 name has bytes that are not utf-8: 63 61 66 e9",
            '{"id": 3, "name": "caf\\\\xe9"}',
        ),
    ]
    masked = replace(plan_of("t"), mask=(MaskPlan("name", "redact"),))
    (batch,) = batches_of(sqlite, masked)
    assert batch.bad is not None
    assert batch.bad["raw"].to_list() == [None, None]
    assert "e9" not in "".join(batch.bad["message"])


def test_broken_text_far_down_keeps_every_row_once(sqlite: ConnectionInfo) -> None:
    numbers = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 29999) SELECT i FROM n"
    script(
        sqlite,
        f"CREATE TABLE t (id INTEGER, v TEXT); INSERT INTO t SELECT i, 'x' FROM ({numbers});"
        "UPDATE t SET v = CAST(x'ff' AS TEXT) WHERE id IN (17000, 17001)",
    )
    batches = batches_of(sqlite, replace(plan_of("t"), batch_rows=700))
    ids = pl.concat([batch.frame for batch in batches])["id"].to_list()
    assert ids == [number for number in range(30000) if number not in (17000, 17001)]
    assert sum(batch.bad.height for batch in batches if batch.bad is not None) == 2


def test_query_types_and_where(sqlite: ConnectionInfo) -> None:
    script(sqlite, "CREATE TABLE t (id INTEGER, at DATETIME); INSERT INTO t VALUES (1, '2026-01-01'), (2, NULL)")
    plan = plan_of("q", query="SELECT id, at, count(*) OVER () AS n, 'x' || id AS s, id / 2.0 AS h FROM t -- all;\n;")
    plan = replace(plan, where="id = 1 OR id = 2 -- both")
    with closing(SOURCE.open(plan, lambda _: sqlite)) as source:
        kinds = [str(kind) for kind in source.columns().values()]
        (batch,) = source.read(Window("full"))
    assert kinds == ["bigint", "timestamp", "bigint", "text", "double"]
    assert batch.frame.drop(ROW).rows()[0] == (1, "2026-01-01", 2, "x1", 0.5)


def test_one_moment_in_many_forms(sqlite: ConnectionInfo) -> None:
    forms = [
        "2026-01-02", "2026-01-02 00:00", "2026-01-02T00:00:00", "2026-01-02 00:00:00.000", "2026-01-02T00:00:00Z",
        "2026-01-02 00:00:00+00:00",
    ]  # fmt: skip
    values = ", ".join(f"('{form}')" for form in ["2026-01-01 23:59:59.999999", *forms, "2026-01-02 00:00:00.000001"])
    script(sqlite, f"CREATE TABLE t (at DATETIME); INSERT INTO t VALUES {values}, ('soon'), (20260102), (NULL)")
    plan = replace(plan_of("t"), increment=IncrementPlan("timestamp", "at", 0))
    for kind, since, until, rows in (
        ("manual", "2026-01-02T00:00:00Z", "2026-01-03", 7),
        ("manual", "2026-01-01", "2026-01-02", 1),
        ("incremental", "2026-01-02 00:00:00", None, 7),
    ):
        with closing(SOURCE.open(plan, lambda _: sqlite)) as source:
            window = source.window(kind, since, until)
            assert sum(batch.frame.height for batch in source.read(window)) == rows, (kind, since, until)
    assert sum(batch.frame.height for batch in batches_of(sqlite, plan)) == 11


def test_a_zone_given_for_the_column_counts(sqlite: ConnectionInfo) -> None:
    script(sqlite, "CREATE TABLE t (id INTEGER, at DATETIME); INSERT INTO t VALUES (1, '2026-01-01 10:00:00')")
    columns = (ColumnPlan("at", "at", timezone="Asia/Shanghai"),)
    plan = replace(plan_of("t"), increment=IncrementPlan("timestamp", "at", 0), columns=columns)
    with closing(SOURCE.open(plan, lambda _: sqlite)) as source:
        window = source.window("backfill", "2026-01-01T02:00:00+00:00", "2026-01-01T02:00:01+00:00")
        assert window == Window("backfill", "2026-01-01 10:00:00", "2026-01-01 10:00:01")
        assert [batch.frame["id"].to_list() for batch in source.read(window)] == [[1]]


def test_cursors_that_text_cannot_order_are_refused(sqlite: ConnectionInfo) -> None:
    script(sqlite, "CREATE TABLE t (id INTEGER, at TEXT); INSERT INTO t VALUES (1, '2026-01-01 10:00:00+08:00')")
    plan = replace(plan_of("t"), increment=IncrementPlan("timestamp", "at", 0))
    with closing(SOURCE.open(plan, lambda _: sqlite)) as source, pytest.raises(DataError, match="other zones than UTC"):
        source.window("incremental", None, None)
    for cursor, said in (("id", "is INTEGER"), ("no", "is not there")):
        plan = replace(plan, increment=IncrementPlan("timestamp", cursor, 0))
        with closing(SOURCE.open(plan, lambda _: sqlite)) as source, pytest.raises(ConfigError, match=said):
            source.window("full", None, None)


def test_what_is_missing_is_named(sqlite: ConnectionInfo, tmp_path: Path) -> None:
    script(sqlite, "CREATE TABLE orders (a)")
    with closing(SOURCE.open(plan_of("oders"), lambda _: sqlite)) as source, pytest.raises(ConfigError) as caught:
        source.ping()
    assert "did you mean 'orders'?" in caught.value.what
    gone = replace(sqlite, host=str(tmp_path / "gone.db"))
    with (
        closing(SOURCE.open(plan_of("orders"), lambda _: gone)) as source,
        pytest.raises(ConfigError, match="no such file"),
    ):
        source.ping()
    assert not (tmp_path / "gone.db").exists()
    (tmp_path / "text.db").write_text("this is no database, it is text, and long enough to be one" * 20)
    text = replace(sqlite, host=str(tmp_path / "text.db"))
    with (
        closing(SOURCE.open(plan_of("orders"), lambda _: text)) as source,
        pytest.raises(ConfigError, match="not a data"),
    ):
        source.ping()


def test_reading_cannot_write(sqlite: ConnectionInfo) -> None:
    script(sqlite, "CREATE TABLE t (a)")
    plan = plan_of("q", query="SELECT 1) ; DROP TABLE t; --")
    with pytest.raises(SyncError):
        batches_of(sqlite, plan)
    connection = sqlite3.connect(sqlite.host or "")
    assert connection.execute("SELECT count(*) FROM t").fetchone() == (0,)
    connection.close()
