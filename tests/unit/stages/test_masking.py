"""No clear value of a masked column leaves the stages: not in good rows, bad rows, messages or counts."""

from __future__ import annotations

import json
from typing import Any

import polars as pl
import pytest

from sync_provider.core.contracts import ROW, Batch, CheckPlan, CleanPlan, MaskPlan
from sync_provider.core.engine.stages import Stages
from sync_provider.core.errors import ConfigError
from tests.unit.stages.plans import batch, column, plan, types

SECRET = "13812345678"
KEYS = {"mask_key": b"key"}
TEXT = types(id="text", tel="text", first="text", last="text", amount="text")
MASKED = plan(
    primary_key=("id",),
    filter="cast(left(tel, 1) as int) >= 0",
    columns=(
        column("tel", "varchar(11)", to="phone"),
        column("first", drop=True),
        column("name", expr="first || last"),
        column("amount", "int", to="pay"),
        column("ratio", "int", expr="cast(first as int)"),
    ),
    clean=(CleanPlan("trim", "phone"),),
    checks=(
        CheckPlan("regex", {"phone": "^1[0-9]{10}$"}, ""),
        CheckPlan("range", {"pay": {"max": 100}}, "", "abort"),
        CheckPlan("expr", "name <> 'nobody' and phone <> '0'", "somebody"),
    ),
    mask=(
        MaskPlan("phone", "partial", {"as": "phone"}),
        MaskPlan("name", "redact"),
        MaskPlan("last", "redact"),
        MaskPlan("pay", "hmac", {"key": "mask_key"}),
    ),
)


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        (["1", SECRET, "7", "Smith", "5"], None),
        (["1", SECRET + "9", "7", "Smith", "5"], "type(phone)"),
        (["1", "x" + SECRET, "7", "Smith", "5"], "filter"),
        (["1", "2381234567", "7", "Smith", "5"], "regex(phone)"),
        (["1", SECRET, "Johnny", "Smith", "5"], "expr(ratio)"),
        (["1", SECRET, "7", "Smith", "777777"], "range(pay)"),
        (["1", SECRET, "7", "Smith", "77777x"], "type(pay)"),
        (["1", "0", None, "Xavier", "5"], "regex(phone)"),
    ],
)
def test_no_clear_value_is_left_anywhere(row: list[str | None], rule: str | None) -> None:
    stages = Stages.compile(MASKED, TEXT, None, KEYS)
    transformed = stages.transform(batch(TEXT, [row], "people.csv", 1))
    cut = stages.quality(transformed)
    assert (cut.rejected["rule"].to_list() or [""])[0].split(", ")[0] == (rule or "")
    kept = [cut.frame.write_json(), cut.rejected.write_json(), transformed.rejected.write_json()]
    text = json.dumps([kept, cut.rejected_by_rule, cut.abort, cut.warned_by_rule])
    for clear in (row[1], row[3], row[4], row[2]):
        assert clear is None or len(clear) < 2 or clear not in text
    assert cut.source is None


def test_good_rows_are_masked_after_the_checks() -> None:
    stages = Stages.compile(MASKED, TEXT, None, KEYS)
    cut = stages.quality(stages.transform(batch(TEXT, [["1", SECRET, "7", "Smith", "5"]])))
    (row,) = cut.frame.to_dicts()
    assert (row["phone"], row["name"], row["last"], len(row["pay"])) == ("138****5678", "***", "***", 64)
    assert {name: str(kind) for name, kind in stages.columns.items()} == {
        "id": "text", "phone": "text", "last": "text", "pay": "text", "name": "text", "ratio": "integer",
    }  # fmt: skip
    assert stages.masked == {"phone", "name", "last", "pay"}


def test_a_masked_key_is_masked_in_quarantine_too_and_stays_equal() -> None:
    keyed = plan(
        primary_key=("id",),
        checks=(CheckPlan("not_null", "tel", ""),),
        mask=(MaskPlan("id", "hmac", {"key": "mask_key"}),),
    )
    stages = Stages.compile(keyed, TEXT, None, KEYS)
    rows = [["110101", SECRET, "", "", ""], ["110101", None, "", "", ""]]
    cut = stages.quality(stages.transform(batch(TEXT, rows)))
    assert json.loads(cut.rejected["key"][0]) == {"id": cut.frame["id"][0]}
    assert cut.rejected["raw"].to_list() == [None]


def test_rows_that_could_not_be_split_keep_what_the_source_let_them_keep() -> None:
    stages = Stages.compile(MASKED, TEXT, None, KEYS)
    bad = pl.DataFrame(
        {ROW: [1], "position": ["p:1"], "kind": ["data"], "rule": ["csv"], "message": ["row 1 has 9 columns"]}
    )
    bad = bad.with_columns(pl.lit(None, pl.String).alias(name) for name in ("key", "data", "raw")).with_columns(
        action=pl.lit("quarantine")
    )
    cut = stages.transform(Batch(batch(TEXT, []).frame, "p", 0, bad))
    assert cut.rejected["raw"].to_list() == [None]


@pytest.mark.parametrize(
    ("changed", "target", "said"),
    [
        ({"mask": (MaskPlan("phone", "redact"),)}, None, "mask.phone: unknown column 'phone'"),
        ({"mask": (MaskPlan("id", "hmac", {"key": "other"}),)}, None, "mask.id: connection 'other' holds no key"),
        ({"mask": (MaskPlan("id", "hmac", {}),)}, None, "mask.id: hmac needs a key"),
        (
            {"mask": (MaskPlan("id", "redact"),)},
            types(id="bigint"),
            "mask.id: a mask gives text, the target column is bigint",
        ),
        (
            {"mask": (MaskPlan("id", "partial"),), "primary_key": ("id",)},
            None,
            "primary_key: column 'id' is masked by partial, which makes different values equal",
        ),
        (
            {"mask": (MaskPlan("id", "hmac", {"key": "mask_key"}),), "order_by": ("id",)},
            None,
            "order_by: column 'id' is masked, and masked values have no order",
        ),
        (
            {"mask": (MaskPlan("id", "redact"),), "checks": (CheckPlan("unique", ["id"], ""),)},
            None,
            "checks[0].unique: column 'id' is masked by redact",
        ),
        (
            {
                "mask": (MaskPlan("id", "redact"),),
                "clean": (CleanPlan("deduplicate", {"key": "tel", "order_by": "id"}),),
            },
            None,
            "clean[0].deduplicate: column 'id' is masked, and masked values have no order",
        ),
    ],
)
def test_masks_that_cannot_work_are_refused(changed: Any, target: Any, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Stages.compile(plan(**changed), TEXT, target, KEYS)
    assert str(caught.value).startswith(f"interface 'erp.crm.orders': {said}")
