"""Rows through all stages: what goes on, what is set aside, and what is said of it."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from sync_provider.core.contracts import REJECTED, ROW, Batch, CheckPlan, CleanPlan, Counters, MaskPlan, Plan
from sync_provider.core.contracts.frames import frame_type
from sync_provider.core.engine.rejects import empty_rejected
from sync_provider.core.engine.stages import Cut, Stages
from tests.unit.stages.plans import batch, column, frame, plan, types

TEXT = types(id="text", amount="text", phone="text")
ROWS = [["1", "1.50", "13812341234"], ["2", "abc", "13812341234"], ["3", "-1", "12"], ["4", None, None]]
PLAN = plan(
    primary_key=("id",),
    columns=(column("id", "bigint"), column("amount", "decimal(12,2)", to="total")),
    checks=(
        CheckPlan("range", {"total": {"min": 0}}, ""),
        CheckPlan("regex", {"phone": r"^1\d{10}$"}, "phone_ok"),
    ),
)


def _run(plan: Plan, rows: Batch, source: Any = None, target: Any = None, keys: Any = None) -> Cut:
    stages = Stages.compile(plan, source or TEXT, target, keys or {})
    return stages.quality(stages.transform(rows))


def test_good_rows_are_typed_renamed_and_in_order() -> None:
    stages = Stages.compile(PLAN, TEXT, None, {})
    cut = stages.quality(stages.transform(batch(TEXT, ROWS)))
    assert {name: str(kind) for name, kind in stages.columns.items()} == {
        "id": "bigint", "total": "decimal(12,2)", "phone": "text",
    }  # fmt: skip
    assert cut.frame.rows() == [(1, Decimal("1.50"), "13812341234", 1), (4, None, None, 4)]
    assert cut.frame.schema == {**{n: frame_type(k) for n, k in stages.columns.items()}, ROW: pl.Int64()}
    assert cut.counters == Counters(read=4, rejected=2)


def test_a_rejected_row_says_where_what_and_why() -> None:
    cut = _run(PLAN, batch(TEXT, ROWS, "orders.csv", line=999))
    first, second = cut.rejected.to_dicts()
    assert tuple(first) == REJECTED
    assert first == {
        "__row": 2,
        "position": "orders.csv:1000",
        "kind": "data",
        "rule": "type(total)",
        "message": "row 1000 total='abc' is not decimal(12,2)",
        "key": '{"id":"2"}',
        "data": '{"id":"2","total":"abc","phone":"13812341234"}',
        "raw": '{"id":"2","amount":"abc","phone":"13812341234"}',
        "action": "quarantine",
    }
    assert second["rule"] == "range(total), phone_ok"
    assert second["message"] == r"row 1001 total=-1.00 is below 0; phone='12' does not match ^1\d{10}$"
    assert (second["kind"], second["position"]) == ("business", "orders.csv:1001")
    assert second["raw"] == '{"id":"3","amount":"-1","phone":"12"}'
    assert cut.rejected_by_rule == {
        "type(total)": (1, "row 1000 total='abc' is not decimal(12,2)"),
        "range(total)": (1, "row 1001 total=-1.00 is below 0"),
        "phone_ok": (1, r"row 1001 phone='12' does not match ^1\d{10}$"),
    }


def test_rows_of_a_table_have_no_line() -> None:
    cut = _run(PLAN, batch(TEXT, ROWS, "shop.orders"))
    assert cut.rejected["position"].to_list() == ["shop.orders"] * 2
    assert cut.rejected["message"][0].startswith("row 2 total='abc'")


def test_each_on_fail_does_what_it_says_and_the_strongest_wins() -> None:
    def checked(*on_fail: str) -> Cut:
        rules = [{"amount": {"min": 10}}, {"amount": {"max": -10}}]
        checks = tuple(CheckPlan("range", rule, "", how) for rule, how in zip(rules, on_fail, strict=False))
        kinds = types(amount="int")
        return _run(plan(checks=checks), batch(kinds, [[0], [20], [-20]]), kinds)

    assert checked("quarantine").counters == Counters(read=3, rejected=2)
    dropped = checked("drop")
    assert (dropped.counters, dropped.rejected.height) == (Counters(read=3, dropped=2), 0)
    warned = checked("warn")
    assert (warned.counters, warned.frame.height, warned.warned_by_rule) == (
        Counters(read=3, warned=2), 3, {"range(amount)": 2},
    )  # fmt: skip
    assert checked("quarantine", "drop").counters == Counters(read=3, rejected=2, dropped=1)
    assert checked("warn", "quarantine").counters == Counters(read=3, rejected=2, warned=1)
    assert checked("abort").abort == "row 1 amount=0 is below 10 (range(amount), on_fail: abort)"
    assert checked("warn", "drop").abort is None


def test_null_keeps_every_rule_but_not_null() -> None:
    checks = (
        CheckPlan("range", {"amount": {"min": 0}}, ""),
        CheckPlan("in", {"phone": ["x"]}, ""),
        CheckPlan("expr", "amount > 0 and phone = 'x'", ""),
        CheckPlan("not_null", "id", ""),
    )
    kinds = types(id="int", amount="int", phone="text")
    cut = _run(plan(checks=checks), batch(kinds, [[None, None, None], [1, None, None]]), kinds)
    assert cut.rejected["message"].to_list() == ["row 1 id is null"]
    assert cut.frame.height == 1


def test_filter_takes_only_what_is_true_and_rejects_what_cannot_be_told() -> None:
    cut = _run(
        plan(filter="cast(amount as int) > 1"),
        batch(TEXT, [["a", "1", ""], ["b", "2", ""], ["c", "x", ""], ["d", None, ""]]),
    )
    assert cut.frame["id"].to_list() == ["b"]
    assert cut.counters == Counters(read=4, filtered=2, rejected=1)
    assert cut.rejected_by_rule == {"filter": (1, "row 3 amount='x' is not int")}


def test_a_strange_value_in_a_typed_source_rejects_its_row_only() -> None:
    kinds = types(id="int", amount="int")
    strange = pl.DataFrame(
        {"id": ["1", "two", "3"], "amount": [1, 2, 3], ROW: [1, 2, 3]}, schema_overrides={"amount": pl.Int32}
    )
    cut = _run(plan(filter="id > 1"), Batch(strange, "t"), kinds)
    assert cut.frame.rows() == [(3, 3, 3)]
    assert cut.rejected["rule"].to_list() == ["type(id)"]
    assert cut.counters.leak() == cut.frame.height


def test_columns_are_dropped_computed_and_replaced() -> None:
    kinds = types(first="text", last="text", qty="text", price="text")
    columns = (
        column("first", drop=True),
        column("last", expr="upper(last)"),
        column("qty", "int", to="pieces"),
        column("price", "decimal(8,2)"),
        column("name", expr="first || ' ' || last"),
        column("sum", "decimal(12,2)", expr="pieces * price"),
        column("again", expr="qty + 1"),
    )
    cut = _run(plan(columns=columns), batch(kinds, [["a", "b", "2", "1.10"], ["c", None, "x", "1"]]), kinds)
    assert cut.frame.columns == ["last", "pieces", "price", "name", "sum", "again", ROW]
    assert cut.frame.rows() == [("B", 2, Decimal("1.10"), "a b", Decimal("2.20"), 3, 1)]
    assert json.loads(cut.rejected["data"][0]) == {
        "last": None, "pieces": "x", "price": "1", "name": None, "sum": None, "again": None,
    }  # fmt: skip


def test_a_computed_value_that_does_not_fit_or_cannot_be_computed_is_told() -> None:
    kinds = types(a="decimal(6,2)", b="decimal(6,2)", t="text")
    columns = (
        column("ratio", "decimal(6,2)", expr="a / b"),
        column("n", "int", expr="cast(t as int) + 1"),
    )
    rows = [
        [Decimal(1), Decimal(2), "1"],
        [Decimal(1), Decimal(3), "1"],
        [Decimal(1), Decimal(0), "1"],
        [Decimal(1), Decimal(1), "x"],
    ]
    cut = _run(plan(columns=columns), batch(kinds, rows), kinds)
    assert cut.frame["ratio"].to_list() == [Decimal("0.50")]
    assert cut.rejected["rule"].to_list() == ["type(ratio)", "expr(ratio)", "expr(n)"]
    assert cut.rejected["message"].to_list() == [
        "row 2 ratio=0.33333333 is not decimal(6,2)",
        "row 3 a=1.00, b=0.00 cannot be computed: a / b",
        "row 4 t='x' is not int",
    ]


def test_cleaning_runs_in_order_and_counts_what_it_drops() -> None:
    clean = (CleanPlan("trim", ["id"]), CleanPlan("fill", {"amount": "0"}), CleanPlan("drop_null", ["phone"]))
    cut = _run(plan(clean=clean), batch(TEXT, [[" 1　", None, "x"], ["2", "5", None]]))
    assert cut.frame.rows() == [("1", "0", "x", 1)]
    assert cut.counters == Counters(read=2, dropped=1)


def test_set_rules_are_left_to_the_target() -> None:
    words = plan(
        clean=(CleanPlan("deduplicate", ["id"]), CleanPlan("deduplicate", {"key": "phone", "order_by": "amount"})),
        checks=(CheckPlan("unique", [["id", "phone"]], "", "warn"),),
        order_by=("amount",),
    )
    stages = Stages.compile(words, TEXT, None, {})
    assert stages.unique == (("unique(id, phone)", "warn", ("id", "phone")),)
    assert stages.deduplicate == ((("id",), ("amount",)), (("phone",), ("amount",)))


def test_the_target_table_gives_types_and_what_may_not_be_null() -> None:
    target = {**types(id="bigint", amount="decimal(12,2)", phone="varchar(11)")}
    target["phone"] = replace(target["phone"], nullable=False)
    rows = [["1", "1", "13812341234"], ["x", "1", "1"], ["3", "1", "138123412345"], ["4", "1", None]]
    cut = _run(plan(), batch(TEXT, rows), target=target)
    assert cut.frame.rows() == [(1, Decimal("1.00"), "13812341234", 1)]
    assert [(row["rule"], row["kind"]) for row in cut.rejected.to_dicts()] == [
        ("type(id)", "data"), ("type(phone)", "data"), ("not_null(phone)", "data"),
    ]  # fmt: skip


def test_a_merge_key_is_never_null() -> None:
    cut = _run(plan(write="merge", primary_key=("id",)), batch(TEXT, [[None, "1", "x"]]))
    assert cut.rejected_by_rule == {"not_null(id)": (1, "row 1 id is null, which the target does not allow")}


def test_rows_the_source_could_not_split_are_kept_and_counted() -> None:
    bad = pl.DataFrame(
        [
            {
                ROW: 1,
                "position": "o.csv:1",
                "kind": "data",
                "rule": "csv",
                "message": "row 1 has 5 columns",
                "action": "quarantine",
            }
        ],
        schema=empty_rejected().schema,
    )
    cut = _run(PLAN, Batch(frame(TEXT, ROWS, first=2), "o.csv", 2, bad))
    assert cut.counters == Counters(read=5, rejected=3)
    assert cut.rejected["__row"].to_list() == [1, 3, 4]
    assert cut.rejected_by_rule["csv"] == (1, "row 1 has 5 columns")
    assert cut.rejected["position"].to_list() == ["o.csv:1", "o.csv:3", "o.csv:4"]


def test_long_and_broken_values_are_cut_in_messages_and_whole_in_data() -> None:
    cut = _run(plan(columns=(column("amount", "int"),)), batch(TEXT, [["1", "x\n" * 200, ""]]))
    message = cut.rejected["message"][0]
    assert "\n" not in message
    assert len(message) < 130
    assert "…" in message
    assert json.loads(cut.rejected["data"][0])["amount"] == "x\n" * 200


def test_no_rows_is_no_trouble() -> None:
    cut = _run(PLAN, batch(TEXT, []))
    assert (cut.frame.height, cut.rejected.height, cut.counters) == (0, 0, Counters())
    assert cut.frame.columns == ["id", "total", "phone", ROW]


def test_names_that_look_like_patterns_are_only_names() -> None:
    odd = types(**{"^a": "text", "a.b": "text", 'quo"te': "text", "列 名": "text"})
    checks = (CheckPlan("not_null", list(odd), ""),)
    cut = _run(plan(checks=checks), batch(odd, [list("wxyz"), [None] * 4]), odd)
    assert cut.frame.rows() == [(*"wxyz", 1)]
    assert cut.rejected["rule"].to_list() == [", ".join(f"not_null({name})" for name in odd)]


@pytest.mark.parametrize("masked", [True, False])
def test_the_source_rows_travel_only_where_nothing_is_masked(masked: bool) -> None:
    stages = Stages.compile(replace(PLAN, mask=(MaskPlan("phone", "redact"),) if masked else ()), TEXT, None, {})
    assert (stages.transform(batch(TEXT, ROWS)).source is None) == masked


def test_an_expression_over_a_new_name_shows_the_source_value() -> None:
    columns = (column("amount", to="total"), column("n", expr="cast(total as int)"))
    cut = _run(plan(columns=columns), batch(TEXT, [["1", "x", ""]]))
    assert cut.rejected["message"].to_list() == ["row 1 amount='x' is not int"]
