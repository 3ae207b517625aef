"""The four cleaners keep the contract."""

# ruff: noqa: RUF012 - the attributes of a contract are declarations
from __future__ import annotations

from decimal import Decimal

import pytest

from sync_provider.core.cleaners.deduplicate import CLEANER as DEDUPLICATE
from sync_provider.core.cleaners.drop_null import CLEANER as DROP_NULL
from sync_provider.core.cleaners.fill import CLEANER as FILL
from sync_provider.core.cleaners.trim import CLEANER as TRIM
from sync_provider.core.contracts import parse_type
from sync_provider.testing.word_contracts import CleanerContract


class TestTrim(CleanerContract):
    cleaner = TRIM
    params = ["name"]
    refused = [5, [5]]
    types = {"name": parse_type("text"), "other": parse_type("text")}
    before = [
        {"name": " \u3000张 三\u00a0\r\n", "other": " x "},
        {"name": "\ufeffa\u200b", "other": None},
        {"name": "  ", "other": ""},
        {"name": None, "other": ""},
    ]
    after = [
        {"name": "张 三", "other": " x "},
        {"name": "a", "other": None},
        {"name": "", "other": ""},
        {"name": None, "other": ""},
    ]


class TestTrimOfAllTexts(CleanerContract):
    cleaner = TRIM
    params = "*"
    types = {"name": parse_type("text"), "qty": parse_type("int")}
    before = [{"name": " a ", "qty": 1}]
    after = [{"name": "a", "qty": 1}]


class TestFill(CleanerContract):
    cleaner = FILL
    params = {"remark": "", "qty": 0, "rate": 0.1, "free": 1.5}
    refused = [{"remark": None}, {"remark": ["a"]}, "remark"]
    types = {
        "remark": parse_type("text"),
        "qty": parse_type("smallint"),
        "rate": parse_type("decimal(5,2)"),
        "free": parse_type("numeric"),
    }
    before = [
        {"remark": None, "qty": None, "rate": None, "free": None},
        {"remark": "x", "qty": 5, "rate": 1, "free": "2"},
    ]
    after = [
        {"remark": "", "qty": 0, "rate": Decimal("0.10"), "free": "1.5"},
        {"remark": "x", "qty": 5, "rate": Decimal("1.00"), "free": "2"},
    ]


class TestDropNull(CleanerContract):
    cleaner = DROP_NULL
    params = ["id", "name"]
    types = {"id": parse_type("bigint"), "name": parse_type("text")}
    before = [{"id": 1, "name": ""}, {"id": None, "name": "x"}, {"id": 2, "name": None}]
    after = [{"id": 1, "name": ""}]


@pytest.mark.parametrize(
    ("params", "kind", "said"),
    [
        ({"c": "abc"}, "varchar(2)", "'abc' is longer than 'c', which is varchar\\(2\\)"),
        ({"c": 0.005}, "decimal(5,2)", "0.005 does not fit 'c'"),
        ({"c": 40000}, "smallint", "40000 does not fit 'c'"),
        ({"c": "x"}, "int", "'x' does not compare with 'c'"),
    ],
)
def test_fill_refuses_a_value_its_column_cannot_hold(params: dict[str, object], kind: str, said: str) -> None:
    step = FILL.parse(params)
    assert step.exprs is not None
    with pytest.raises(ValueError, match=said):
        step.exprs({"c": parse_type(kind)})


def test_trim_refuses_a_number_column() -> None:
    step = TRIM.parse("qty")
    assert step.exprs is not None
    with pytest.raises(ValueError, match="'qty' is integer, and only texts are trimmed"):
        step.exprs({"qty": parse_type("int")})


def test_deduplicate_says_key_and_order() -> None:
    assert DEDUPLICATE.parse(["id"]).deduplicate == (("id",), ())
    assert DEDUPLICATE.parse({"key": "id", "order_by": ["at"]}).deduplicate == (("id",), ("at",))
    assert DEDUPLICATE.parse({"key": ["id"], "order_by": "at"}).columns == ("id", "at")
    for params in (None, [], {}, {"order_by": "at"}, {"keys": "id"}):
        with pytest.raises(ValueError, match=r"key|column"):
            DEDUPLICATE.parse(params)
