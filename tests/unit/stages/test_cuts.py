"""No word depends on where a batch is cut: any cut of the same rows gives the same rows, reasons and counts."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync_provider.core.contracts import CheckPlan, CleanPlan, Counters, MaskPlan
from sync_provider.core.contracts.data import Batch
from sync_provider.core.engine.rejects import concat_rejected
from sync_provider.core.engine.spill import merge_rules
from sync_provider.core.engine.stages import Stages
from tests.unit.stages.plans import column, frame, plan, types

SOURCE = types(id="text", amount="text", status="text", paid="text", rate="double")
COLUMNS = (
    column("id", "bigint"),
    column("amount", "decimal(8,2)", to="total"),
    column("paid", "timestamptz", timezone="Europe/Berlin"),
    column("rate", "decimal(6,3)"),
    column("ratio", "double", expr="cast(left(status, 1) as int) / total"),
    column("each", expr="total / rate"),
)
CLEAN = (CleanPlan("trim", "*"), CleanPlan("fill", {"status": "new"}), CleanPlan("drop_null", ["id"]))
CHECKS = (
    CheckPlan("range", {"total": {"min": 0, "max": 500}}, ""),
    CheckPlan("in", {"status": ["new", "1 paid"]}, "", "warn"),
    CheckPlan("regex", {"status": "^[a-z0-9 ]*$"}, "plain"),
    CheckPlan("expr", "total < 100 or paid is not null", "", "drop"),
    CheckPlan("expr", "id <> 13", "unlucky", "abort"),
)
MASK = (MaskPlan("status", "partial"), MaskPlan("total", "hmac", {"key": "k"}))
PLANS = {
    "plain": plan(
        primary_key=("id",), filter="status is null or status <> 'skip'", columns=COLUMNS, clean=CLEAN, checks=CHECKS
    ),
    "masked": plan(primary_key=("id",), columns=COLUMNS, clean=CLEAN, checks=CHECKS, mask=MASK),
}

_ROWS = st.lists(
    st.tuples(
        st.one_of(st.none(), st.sampled_from(["1", " 2", "x", "13", "9" * 19, "1.0"])),
        st.one_of(st.none(), st.sampled_from(["0", "-1", "12.345", "499.90", "7e1", "abc", "", "101"])),
        st.one_of(st.none(), st.sampled_from(["1 paid", "skip", "1 paid　", "NEW", "x", ""])),
        st.one_of(st.none(), st.sampled_from(["2026-01-01T10:00", "2026-03-29 02:30:00", "2026-01-01", "?"])),
        st.one_of(st.none(), st.floats(-10, 10), st.sampled_from([0.0, 0.5, float("nan")])),
    ),
    max_size=30,
)


def _all(stages: Stages, batches: list[Batch]) -> dict[str, Any]:
    counters, by_rule, warned = Counters(), {}, {}
    cuts = [stages.quality(stages.transform(batch)) for batch in batches]
    for cut in cuts:
        counters.add(cut.counters)
        merge_rules(by_rule, cut.rejected_by_rule)
        for rule, rows in cut.warned_by_rule.items():
            warned[rule] = warned.get(rule, 0) + rows
    return {
        "good": pl.concat([cut.frame for cut in cuts]).rows(),
        "rejected": concat_rejected(cut.rejected for cut in cuts).rows(),
        "counters": asdict(counters),
        "by_rule": by_rule,
        "warned": warned,
        "abort": next((cut.abort for cut in cuts if cut.abort), None),
    }


@pytest.mark.parametrize("name", PLANS)
@settings(max_examples=60, deadline=None)
@given(rows=_ROWS, sizes=st.lists(st.integers(1, 7), min_size=1, max_size=30))
def test_any_cut_gives_the_same(name: str, rows: list[tuple[Any, ...]], sizes: list[int]) -> None:
    stages = Stages.compile(PLANS[name], SOURCE, None, {"k": b"key"})
    whole = frame(SOURCE, rows)
    pieces, at = [], 0
    while at < whole.height:
        size = sizes[len(pieces) % len(sizes)]
        pieces.append(Batch(whole.slice(at, size), "f.csv", at + 1))
        at += size
    together = _all(stages, [Batch(whole, "f.csv", 1)])
    assert _all(stages, pieces or [Batch(whole, "f.csv", 1)]) == together
    counted = Counters(**together["counters"])
    assert counted.leak() == len(together["good"])
    assert counted.rejected == len(together["rejected"])
