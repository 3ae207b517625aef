"""The six rules keep the contract, and say what they refuse."""

# ruff: noqa: RUF012 - the attributes of a contract are declarations
from __future__ import annotations

from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from sync_provider.core.contracts import ColumnType, parse_type
from sync_provider.core.contracts.frames import row_type
from sync_provider.core.rules.expr import RULE as EXPR
from sync_provider.core.rules.in_ import RULE as IN
from sync_provider.core.rules.not_null import RULE as NOT_NULL
from sync_provider.core.rules.range import RULE as RANGE
from sync_provider.core.rules.regex import RULE as REGEX
from sync_provider.core.rules.unique import RULE as UNIQUE
from sync_provider.testing.word_contracts import RuleContract


def _types(**spelled: str) -> dict[str, ColumnType]:
    return {name: parse_type(text) for name, text in spelled.items()}


class TestNotNull(RuleContract):
    rule = NOT_NULL
    params = ["id", "name"]
    refused = [[1], {"id": True}, ""]
    types = _types(id="bigint", name="text")
    good = [{"id": 0, "name": ""}]
    bad = [{"id": None, "name": "x"}, {"id": 1, "name": None}]
    null_breaks = True


class TestRange(RuleContract):
    rule = RANGE
    params = {"amount": {"min": 0, "max": 10}}
    refused = [
        {"amount": 5},
        {"amount": {"mn": 0}},
        {"amount": {"min": 5, "max": 1}},
        {"amount": {"min": True}},
        "amount",
    ]
    types = _types(amount="decimal(12,2)")
    good = [{"amount": Decimal("0.00")}, {"amount": Decimal("10.00")}]
    bad = [{"amount": Decimal("-0.01")}, {"amount": Decimal("10.01")}]


class TestRangeOfDates(RuleContract):
    rule = RANGE
    params = {"day": {"min": "2026-01-01"}, "at": {"max": "2026-01-01T08:00:00+08:00"}}
    types = _types(day="date", at="timestamptz")
    good = [{"day": date(2026, 1, 1), "at": datetime(2026, 1, 1, tzinfo=timezone.utc)}]
    bad = [{"day": date(2025, 12, 31)}, {"at": datetime(2026, 1, 1, 0, 0, 1, tzinfo=timezone.utc)}]


class TestRangeOfNumbersWithoutBounds(RuleContract):
    rule = RANGE
    params = {"n": {"min": 0.5}}
    types = _types(n="numeric")
    good = [{"n": 0.5}]
    bad = [{"n": 0.4999}]


class TestIn(RuleContract):
    rule = IN
    params = {"status": ["paid", "new"]}
    refused = [{"status": "paid"}, {"status": []}, {"status": [None]}, ["status"]]
    types = _types(status="text")
    good = [{"status": "paid"}, {"status": "new"}]
    bad = [{"status": "Paid"}, {"status": ""}]


class TestInOfNumbers(RuleContract):
    rule = IN
    params = {"rate": [0.1, 1]}
    types = _types(rate="decimal(5,3)")
    good = [{"rate": Decimal("0.100")}, {"rate": Decimal("1.000")}]
    bad = [{"rate": Decimal("0.101")}]


class TestRegex(RuleContract):
    rule = REGEX
    params = {"phone": r"^1\d{10}$"}
    refused = [{"phone": "("}, {"phone": 5}, {"phone": "(?=a)"}, {"phone": r"(a)\1"}, {"phone": "a{2,1}"}]
    types = _types(phone="text")
    good = [{"phone": "13812341234"}]
    bad = [{"phone": ""}, {"phone": "138123412345"}, {"phone": "x13812341234"}]


class TestRegexIsNotAnchored(RuleContract):
    rule = REGEX
    params = {"code": "[A-Z]"}
    types = _types(code="text")
    good = [{"code": "xAx"}]
    bad = [{"code": "xax"}]


class TestExpr(RuleContract):
    rule = EXPR
    params = "paid is null or paid >= made"
    refused = ["paid >", "nosuch(paid)", 5, "1 = 1"]
    types = _types(paid="date", made="date")
    good = [
        {"paid": None, "made": date(2026, 1, 2)},
        {"paid": date(2026, 1, 2), "made": date(2026, 1, 2)},
        {"made": None},
    ]
    bad = [{"paid": date(2026, 1, 1), "made": date(2026, 1, 2)}]


class TestExprWithACast(RuleContract):
    rule = EXPR
    params = "cast(left(code, 2) as int) > 10"
    types = _types(code="text")
    good = [{"code": "11x"}]
    bad = [{"code": "10x"}, {"code": "abc"}]


def test_unique_takes_one_set_or_several() -> None:
    cases = {
        str(params): [case.columns for case in UNIQUE.parse(params)] for params in ("id", ["a", "b"], [["a", "b"], "c"])
    }
    assert cases == {"id": [("id",)], "['a', 'b']": [("a", "b")], "[['a', 'b'], 'c']": [("a", "b"), ("c",)]}
    assert [case.columns for case in UNIQUE.parse({"columns": ["a"]})] == [("a",)]
    assert {case.scope for case in UNIQUE.parse("id")} == {"set"}


@pytest.mark.parametrize("params", [None, [], {}, {"key": "id"}, 5, [[]]])
def test_unique_refuses_what_names_no_column(params: Any) -> None:
    with pytest.raises(ValueError, match="column"):
        UNIQUE.parse(params)


@pytest.mark.parametrize(
    ("params", "kind", "said"),
    [
        ({"c": {"min": 0}}, "text", "0 does not compare with 'c', which is text"),
        ({"c": {"min": "0"}}, "bigint", "'0' does not compare with 'c', which is bigint"),
        ({"c": {"min": "yesterday"}}, "date", "'yesterday' does not compare with 'c', which is date"),
        ({"c": {"min": "2026-01-01T00:00:00Z"}}, "timestamp", "does not compare with 'c', which is timestamp"),
    ],
)
def test_a_bound_of_another_type_is_refused_with_the_types(params: Any, kind: str, said: str) -> None:
    (case,) = RANGE.parse(params)
    assert case.broken is not None
    with pytest.raises(ValueError, match=said):
        case.broken(_types(c=kind))


def test_a_pattern_only_rust_refuses_is_found_when_types_are_known() -> None:
    (case,) = REGEX.parse({"c": r"\p{Nonsense}"})
    assert case.broken is not None
    with pytest.raises(ValueError, match="is not a regular expression"):
        case.broken(_types(c="text"))


def test_a_decimal_bound_is_exact_not_the_nearest_double() -> None:
    (case,) = RANGE.parse({"c": {"max": 0.1}})
    types = _types(c="decimal(20,18)")
    frame = pl.DataFrame(
        {"c": [Decimal("0.100000000000000000"), Decimal("0.100000000000000005")]}, schema={"c": row_type(types["c"])}
    )
    assert case.broken is not None
    assert frame.select(case.broken(types)).to_series().to_list() == [False, True]
