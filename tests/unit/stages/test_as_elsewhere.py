"""Expressions answer as SQLite does where it agrees with PostgreSQL, and as polars' SQL does as it is written."""

from __future__ import annotations

import itertools
import sqlite3
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from sync_provider.core.contracts import parse_type
from sync_provider.core.expressions import parse
from tests.unit.stages.answers import REJECTED, values

_KINDS = {
    "i": "int", "t": "text", "b": "boolean", "d": "date", "s": "timestamp", "z": "timestamptz", "f": "double",
}  # fmt: skip
_NUMBERS = (0, 1, -1, 2, 7, -7, 100, 2**31 - 1, -(2**31), None)
_TEXTS = ("", "a", "A", "ab", " a ", "10", "9", None)


@pytest.mark.parametrize(
    "expr",
    [
        "a + b", "a - b", "a * b", "a * b + a - b", "-a", "a % b", "abs(a)", "a + 1 > b", "a = b", "a <> b",
        "a between b and 7", "a in (1, b, null)", "a not in (1, 7)", "a not in (1, null)", "nullif(a, b)",
        "coalesce(a, b, 5)", "case when a > b then a else b end", "case a when b then 1 when 7 then 2 end",
        "a is null", "a is not null or b > 0", "a > 0 and b > 0", "not (a > b)", "(a > 0 or b > 0) and a <> b",
        "a || '-' || b", "a * 2 - (b - 1) * 3", "- - a", "a - -1", "a is distinct from b",
        "a + b in (b, 0, 1)", "cast(a as text) || 'x'", "ifnull(a + b, -1)", "case when b = 0 then 0 else a % b end",
    ],
)  # fmt: skip
def test_numbers_are_as_in_sqlite(expr: str) -> None:
    pairs = list(itertools.product(_NUMBERS, _NUMBERS))
    found = values(expr, {"a": "int", "b": "int"}, *pairs)
    expected = _sqlite(expr, pairs)
    told = [pair for pair, value in zip(pairs, found, strict=True) if value == REJECTED]
    assert all(b == 0 and "%" in expr for _, b in told)
    assert [value for value in found if value != REJECTED] == [
        value for pair, value in zip(pairs, expected, strict=True) if pair not in told
    ]


@pytest.mark.parametrize(
    "expr",
    [
        "a || b", "a < b", "a = b", "a between 'a' and b", "a in ('a', b, null)", "length(a) - length(b)",
        "upper(a) = upper(b)", "trim(a) = b", "ltrim(a) || rtrim(b)", "replace(a, 'a', 'xy')", "substr(a, 1, 1)",
        "substr(a, 2)", "coalesce(a, b, 'none')", "nullif(a, b)", "a is distinct from b", "a like '%'",
        "a is null or b = ''", "length(a || b) * 2", "case when a > b then a else b end", "'it''s ' || a",
    ],
)  # fmt: skip
def test_texts_are_as_in_sqlite(expr: str) -> None:
    pairs = list(itertools.product(_TEXTS, _TEXTS))
    assert values(expr, {"a": "text", "b": "text"}, *pairs) == _sqlite(expr, pairs)


def _sqlite(expr: str, pairs: list[tuple[Any, ...]]) -> list[Any]:
    """What SQLite says, which here says what PostgreSQL does."""
    if sqlite3.sqlite_version_info < (3, 39):
        expr = expr.replace("is distinct from", "is not")
    with sqlite3.connect(":memory:") as database:
        database.execute("create table t (a, b)")
        database.executemany("insert into t values (?, ?)", pairs)
        return [value for (value,) in database.execute(f"select {expr} from t order by rowid")]


@pytest.mark.parametrize(
    "text",
    [
        "trim('x' from t) || trim(t) || trim(leading 'x' from t) || trim(both 'a' from t)", "position('b' in t)",
        "substring(t from 2 for 3)", "substring(t, 2, 3)", "s + interval '1 day' - interval '1 month 2 days'",
        "s > timestamp '2026-01-31 00:00:00' and z > timestamptz '2026-01-31 00:00:00'", "d < date '2026-02-01'",
        "extract(year from d)", "date_part('month', d)", "if(b, 'x', t)", "t not like 'a%' and t ilike 'A%'",
        "i is not null and i not between 1 and 2", "t rlike '^a' or regexp_like(t, 'c$')", '"i" is not distinct from 1',
        "left(t, 1) || right(t, 1) || reverse(t) || initcap(t)", "lpad(t, 5, '0') || rpad(t, 5, '-')",
        "'it''s \\d' || t", "cast(i as real)", "cast(i as float)", "cast(i as double precision)", "cast(f as text)",
        "strftime(s, '%Y-%m')",
        "case i when 1 then 'one' else 'more' end", "concat('a', i, null) || concat_ws('-', t, i)", "i % 2 = 1",
        "split_part(t, 'b', 1)", "regexp_replace(t, 'a', 'b')", "round(f, 1)", ".5 + 1.50", "1e3 > f",
    ],
)  # fmt: skip
def test_what_is_evaluated_is_what_was_written(text: str) -> None:
    kinds = {name: parse_type(kind) for name, kind in _KINDS.items()}
    frame = pl.DataFrame(
        {"i": [1, -7, None], "t": ["abc", "xax", None], "b": [True, False, None], "f": [0.25, -2.5, None]},
        schema_overrides={"i": pl.Int32},
    ).with_columns(
        pl.Series("d", ["2026-01-31", "2024-02-29", None]).str.to_date(),
        pl.Series("s", ["2026-01-31 10:00:00", "2024-02-29 23:59:59", None]).str.to_datetime(time_unit="us"),
    )
    frame = frame.with_columns(pl.col("s").dt.replace_time_zone("UTC").alias("z"))
    made = frame.select(parse(text).compile(kinds).value.alias("x"))["x"]
    assert made.to_list() == frame.select(pl.sql_expr(text).alias("x"))["x"].to_list()


@pytest.mark.parametrize(
    ("expr", "kind", "value", "answer"),
    [
        ("round(a)", "decimal(4,1)", Decimal("2.5"), Decimal(3)), ("round(a)", "decimal(4,1)", Decimal("-2.5"), -3),
        ("round(a)", "double", 2.5, 2.0), ("round(a)", "double", 3.5, 4.0),
        ("a + interval '1 month'", "date", date(2026, 1, 31), date(2026, 2, 28)),
        ("a - interval '2 months'", "date", date(2026, 4, 30), date(2026, 2, 28)),
        ("a + interval '1 week'", "date", date(2026, 1, 31), date(2026, 2, 7)),
        ("cast(a as timestamp) - interval '1 hour'", "date", date(2026, 1, 31), datetime(2026, 1, 30, 23)),
        ("cast(a as date)", "timestamptz", datetime(2026, 1, 31, 23, tzinfo=timezone.utc), date(2026, 1, 31)),
        ("extract(second from a)", "timestamp", datetime(2026, 1, 31, 1, 2, 3, 900000), 3),
        ("a > date '2026-01-31'", "timestamp", datetime(2026, 1, 31, 0, 0, 1), True),
        ("power(a, 2)", "int", 2**31 - 1, float((2**31 - 1) ** 2)), ("a < 'a'", "text", "B", True),
        ("a || null", "text", "x", None), ("concat(a, null, 'y')", "text", "x", "xy"),
        ("a like 'a\\%'", "text", "a%", False),
        ("-7 % a", "int", 3, -1), ("7 % a", "int", -3, 1), ("greatest(a, null, 2)", "int", 1, 2),
    ],
)  # fmt: skip
def test_what_the_documentation_says(expr: str, kind: str, value: Any, answer: Any) -> None:
    assert values(expr, {"a": kind}, (value,)) == [answer]


@pytest.mark.parametrize(
    ("kind", "expr", "result"),
    [
        ("decimal(12,2)", "a / 3", "decimal(38,8)"), ("decimal(20,8)", "a / 3", "decimal(38,12)"),
        ("decimal(38,20)", "a / 3", "decimal(38,20)"), ("decimal(12,2)", "a * 2", "decimal(38,2)"),
        ("decimal(12,2)", "a * a", "decimal(38,4)"), ("int", "a + 1", "integer"), ("smallint", "a * a", "smallint"),
        ("bigint", "a * a * a * a", "bigint"), ("int", "a / 2", "double"), ("int", "power(a, 2)", "double"),
    ],
)  # fmt: skip
def test_the_type_of_a_result(kind: str, expr: str, result: str) -> None:
    assert str(parse(expr).compile({"a": parse_type(kind)}).result) == result
