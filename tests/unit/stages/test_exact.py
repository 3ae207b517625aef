"""No expression gives a wrong answer: it is exact, or its row is told."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from sync_provider.core.contracts import CheckPlan, Counters, parse_type
from sync_provider.core.contracts.frames import row_type
from sync_provider.core.engine.stages import Cut, Stages
from sync_provider.core.expressions import parse
from tests.unit.stages.answers import REJECTED, values
from tests.unit.stages.plans import batch, column, plan, types

_LAST = {"smallint": 2**15 - 1, "int": 2**31 - 1, "bigint": 2**63 - 1}


def _computed(expr: str, kinds: dict[str, str], rows: list[list[Any]], type: str | None = None) -> Cut:
    stages = Stages.compile(plan(columns=(column("x", type, expr=expr),)), types(**kinds), None, {})
    return stages.quality(stages.transform(batch(types(**kinds), rows)))


@pytest.mark.parametrize("kind", ["smallint", "int", "bigint"])
@pytest.mark.parametrize(
    "expr", ["a + 1", "a * 2", "-a - 2", "a * a", "abs(-a - 2)", "if(a > 0, a + 1, a)", "-(a + 2)"]
)
def test_a_whole_number_never_turns_over(kind: str, expr: str) -> None:
    last = _LAST[kind]
    cut = _computed(expr, {"a": kind}, [[1], [last]])
    assert cut.frame["x"].to_list() == [values(expr, {"a": kind}, (1,))[0]]
    assert cut.frame.schema["x"] == row_type(parse_type(kind))
    assert cut.rejected["rule"].to_list() == ["type(x)"]
    assert cut.counters == Counters(read=2, rejected=1)


def test_a_type_wide_enough_takes_the_exact_number() -> None:
    last = _LAST["bigint"]
    assert _computed("a + 1", {"a": "int"}, [[_LAST["int"]]], "bigint").frame["x"].to_list() == [2**31]
    assert _computed("a + 1", {"a": "bigint"}, [[last]], "decimal(38,0)").frame["x"].to_list() == [Decimal(2**63)]
    assert _computed("a * a", {"a": "bigint"}, [[last]], "text").frame["x"].to_list() == [str(last * last)]
    assert values("a * b - a * b", {"a": "bigint", "b": "bigint"}, (last, last)) == [0]
    assert values("a - 10", {"a": "bigint"}, (-(2**63),)) == [-(2**63) - 10]


def test_more_digits_than_any_type_has_reject_the_row() -> None:
    cut = _computed("a * a * a", {"a": "bigint"}, [[_LAST["bigint"]], [1000]])
    assert cut.frame["x"].to_list() == [10**9]
    assert cut.rejected["message"].to_list() == ["row 1 a=9223372036854775807 cannot be computed: a * a * a"]
    assert values("a * b", {"a": "decimal(38,2)", "b": "int"}, (Decimal(10) ** 35, 10), (Decimal(1), 3)) == [
        REJECTED,
        Decimal(3),
    ]


def test_a_check_and_a_filter_see_the_exact_number() -> None:
    kinds, rows = {"a": "int"}, [[1], [_LAST["int"]]]
    checked = plan(checks=(CheckPlan("expr", "a + 1 > a", ""),))
    stages = Stages.compile(checked, types(**kinds), None, {})
    assert stages.quality(stages.transform(batch(types(**kinds), rows))).frame.height == 2
    stages = Stages.compile(plan(filter="a + 1 > 0"), types(**kinds), None, {})
    assert stages.transform(batch(types(**kinds), rows)).counters.filtered == 0


@pytest.mark.parametrize(
    ("expr", "value"),
    [
        ("length(t) - 10", -8), ("strpos(t, 'x') - 1", -1), ("month(d) * 100 + day(d)", 1231),
        ("year(d) * 10000000", 20260000000), ("length(t) * 2147483647", 4294967294),
    ],
)  # fmt: skip
def test_what_functions_count_can_be_computed_with(expr: str, value: int) -> None:
    from datetime import date

    assert values(expr, {"t": "text", "d": "date"}, ("ab", date(2026, 12, 31))) == [value]


@pytest.mark.parametrize(
    ("expr", "answers"),
    [
        ("a / b", [3.5, -3.5, REJECTED, None]),
        ("a % b", [1, -1, REJECTED, None]),
        ("mod(a, b)", [1, -1, REJECTED, None]),
        ("floor(a / b)", [3.0, -4.0, REJECTED, None]),
        ("p / b", [Decimal("3.75"), Decimal("-3.75"), REJECTED, None]),
        ("f / b", [3.75, -3.75, REJECTED, None]),
        ("case when b = 0 then 0 else a / b end", [3.5, -3.5, 0.0, None]),
        ("case when b = 0 then 0 else p / b end", [Decimal("3.75"), Decimal("-3.75"), Decimal(0), None]),
        ("case b when 0 then -1 else a % b end", [1, -1, -1, None]),
        ("if(b = 0, 0, a % b)", [1, -1, 0, None]),
        ("b <> 0 and p / b > 1", [True, False, False, None]),
        ("b = 0 or p / b > 1", [True, False, True, None]),
        ("coalesce(nullif(b, 0), a % b)", [2, 2, REJECTED, None]),
        ("coalesce(a / nullif(b, 0), 0)", [3.5, -3.5, 0.0, 0.0]),
    ],
)
def test_division_and_where_a_divisor_of_zero_counts(expr: str, answers: list[Any]) -> None:
    kinds = {"a": "int", "b": "int", "p": "decimal(6,2)", "f": "double"}
    rows = [(7, 2, Decimal("7.5"), 7.5), (-7, 2, Decimal("-7.5"), -7.5), (7, 0, Decimal("7.5"), 7.5)]
    assert values(expr, kinds, *rows, (7, None, Decimal("7.5"), 7.5)) == answers


@pytest.mark.parametrize(
    ("expr", "value", "answer"),
    [
        ("f * 10", 1.7e308, REJECTED), ("f + f", 1.7e308, REJECTED), ("sqrt(f)", -1.0, REJECTED),
        ("ln(f)", 0.0, REJECTED), ("log10(f)", -1.0, REJECTED), ("exp(f)", 1000.0, REJECTED),
        ("1 / exp(f)", 1000.0, REJECTED), ("power(f, 0.5)", -1.0, REJECTED), ("power(f, 2)", 3.0, 9.0),
        ("f / 0", 1.0, REJECTED), ("f % 0", 1.0, REJECTED), ("greatest(sqrt(f), 1)", -1.0, REJECTED),
        ("f * 2 > 1", 1.7e308, REJECTED), ("case when f > 0 then ln(f) end", -1.0, None),
        ("f * 2", float("inf"), float("inf")), ("f * 2", None, None), ("f > 1", float("inf"), True),
    ],
)  # fmt: skip
def test_no_infinity_and_no_nan_is_made_of_finite_numbers(expr: str, value: float | None, answer: Any) -> None:
    assert values(expr, {"f": "double"}, (value,)) == [answer]


def test_a_float_that_cannot_be_computed_breaks_its_check_and_rejects_its_column() -> None:
    cut = _computed("100 / f", {"f": "double"}, [[0.0], [50.0]])
    assert cut.frame["x"].to_list() == [2.0]
    assert cut.rejected_by_rule == {"expr(x)": (1, "row 1 f=0.0 cannot be computed: 100 / f")}
    stages = Stages.compile(plan(checks=(CheckPlan("expr", "1 / f > 0", ""),)), types(f="double"), None, {})
    assert stages.quality(stages.transform(batch(types(f="double"), [[0.0], [1.0]]))).counters.rejected == 1


@pytest.mark.parametrize(
    ("kind", "value", "to", "answer"),
    [
        ("decimal(6,2)", Decimal("7.50"), "int", REJECTED), ("decimal(6,2)", Decimal("7.00"), "int", 7),
        ("double", -7.5, "int", REJECTED), ("double", -7.0, "bigint", -7), ("double", 3e9, "int", REJECTED),
        ("bigint", 2**31, "int", REJECTED), ("bigint", 100, "decimal(4,2)", REJECTED),
        ("decimal(8,4)", Decimal("1.2345"), "decimal(8,2)", REJECTED),
        ("decimal(8,4)", Decimal("1.2300"), "decimal(8,2)", Decimal("1.23")),
        ("double", 12.35, "decimal(4,2)", Decimal("12.35")), ("double", 0.1 + 0.2, "decimal(4,2)", REJECTED),
        ("text", "12.345", "decimal(6,2)", REJECTED), ("text", "12.340", "decimal(6,2)", Decimal("12.34")),
        ("text", "1e400", "double", REJECTED), ("text", "-Infinity", "double", float("-inf")),
        ("text", "12.0", "double", 12.0), ("text", "12.5", "int", REJECTED), ("double", 1e300, "real", REJECTED),
        ("text", None, "int", None), ("int", 5, "text", "5"), ("boolean", True, "int", 1),
    ],
)  # fmt: skip
def test_a_cast_rounds_nothing_away(kind: str, value: Any, to: str, answer: Any) -> None:
    assert values(f"cast(a as {to})", {"a": kind}, (value,)) == [answer]
    assert values(f"try_cast(a as {to})", {"a": kind}, (value,)) == [None if answer == REJECTED else answer]


def test_a_cast_counts_only_in_the_branch_that_is_taken() -> None:
    expr = "case when t like '%.%' then cast(t as double) else cast(t as int) end"
    assert values(expr, {"t": "text"}, ("1.5",), ("2",), ("x",), ("x.y",)) == [1.5, 2.0, REJECTED, REJECTED]


_KINDS = {
    "i": "int", "t": "text", "b": "boolean", "d": "date", "s": "timestamp", "z": "timestamptz", "f": "double",
}  # fmt: skip


@pytest.mark.parametrize(
    ("expr", "said"),
    [
        ("t + t", "'t' is text and is computed with"),
        ("t * 2", "fix: write cast(t as double), or give"),
        ("b + 1", "fix: write cast(b as int)"),
        ("t > i", "'t' is text and is compared with 'i', which is a number"),
        ("b > 0", "fix: write b alone, or cast(b as int)"),
        ("b = t", "'b' is true or false and is compared with 't', which is text"),
        ("i and i", "'i' is a number, not true or false"),
        ("not i", "'i' is a number, not true or false"),
        ("case when i then 1 end", "'i' is a number, not true or false"),
        ("i in (1, t)", "which is text"),
        ("coalesce(t, 0)", "'t' is text and is chosen beside 0, which is a number"),
        ("case when b then i else 'x' end", "fix: write cast(i as text), or cast('x' as double)"),
        ("if(b, i, t)", "is chosen beside 't', which is text"),
        ("greatest(d, t)", "'d' is a date and is chosen beside 't', which is text"),
        ("d + interval '1 day' > 20260101", "is compared with 20260101, which is a number"),
        ("d - interval '1 hour'", "fix: write cast(d as timestamp), or whole days"),
        ("z > s", "fix: write a timestamptz '2026-01-31 10:00:00', or cast(z as timestamp), which is in UTC"),
        ("cast(d as int)", "cast(d as int): a date is not cast to int"),
        ("cast(i as date)", "cast(i as date): a number is not cast to date"),
        ("1e400 > i", "1e400 is larger than any number"),
        ("log(f, 10)", "fix: write log10(x), log2(x), or ln(x) / ln(base)"),
        ("I > 1", "unknown column 'I' at character 1; did you mean 'i'?"),
    ],
)
def test_what_would_have_to_be_guessed_is_refused(expr: str, said: str) -> None:
    with pytest.raises(ValueError, match=r"\S") as caught:
        parse(expr).compile({name: parse_type(kind) for name, kind in _KINDS.items()})
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("expr", "fix"),
    [
        ("t > 5", "write cast(t as double), or cast(t as decimal(18,2))"),
        ("t in (1, 2)", "write cast(t as double), or cast(t as decimal(18,2))"),
        ("t * 2 > 5", "write cast(t as double), or cast(t as decimal(18,2))"),
        ("cast(t as date) > date '2026-01-31'", "compare it as text, such as day >= '2026-01-31'"),
    ],
)
def test_a_filter_is_not_told_to_type_a_column_which_it_would_not_see(expr: str, fix: str) -> None:
    from sync_provider.core.errors import ConfigError

    with pytest.raises(ConfigError) as caught:
        Stages.compile(plan(filter=expr), types(t="text"), None, {})
    assert caught.value.fix.startswith(fix)
    assert "`columns:`" not in caught.value.fix
