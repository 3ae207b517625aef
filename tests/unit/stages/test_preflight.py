"""What is wrong with a plan's words is said before any data is seen, by path, all at once."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from sync_provider.core.contracts import CheckPlan, CleanPlan, MaskPlan
from sync_provider.core.engine.preflight import problems
from sync_provider.core.engine.stages import Stages
from sync_provider.core.errors import ConfigError
from tests.unit.stages.plans import column, plan, types

SOURCE = types(id="bigint", amount="text", made="timestamp")


def test_all_problems_are_found_at_once_by_path() -> None:
    wrong = plan(
        filter="amount >",
        columns=(column("amt", to="amount"), column("gone", drop=True), column("x", expr="nosuch(id)")),
        clean=(CleanPlan("trim", ["amt"]), CleanPlan("fill", "x")),
        checks=(CheckPlan("range", {"amount": 5}, ""), CheckPlan("not_null", ["gone"], ""), CheckPlan("nosuch", 1, "")),
        mask=(MaskPlan("amount", "partial", {"as": "fax"}),),
        primary_key=("amt",),
    )
    found = dict(problems(wrong))
    assert set(found) == {
        "filter", "columns.x.expr", "clean[0].trim", "clean[1].fill", "checks[0].range", "checks[1].not_null",
        "checks[2].nosuch", "mask.amount", "primary_key",
    }  # fmt: skip
    assert found["primary_key"] == "column 'amt' is called 'amount' after `columns:`\n  fix: write amount"
    assert "'gone' is dropped under `columns:`" in found["checks[1].not_null"]
    assert found["columns.x.expr"].startswith("unknown function 'nosuch' at character 1")


def test_a_good_plan_has_none() -> None:
    assert problems(plan(checks=(CheckPlan("unique", ["id"], ""),), clean=(CleanPlan("trim", "*"),))) == []


@pytest.mark.parametrize(
    ("changed", "said", "fix"),
    [
        (
            {"columns": (column("amuont", "int"),)},
            "columns.amuont: unknown source column 'amuont'; did you mean 'amount'?",
            "",
        ),
        ({"columns": (column("amount", to="id"),)}, "columns.amount: two columns are called 'id'", "rename one"),
        ({"columns": (column("x", expr="amount * 2"),)}, "columns.x.expr: 'amount' is text", "write cast(amount"),
        ({"columns": (column("made", "int"),)}, "columns.made: timestamp cannot become integer", "leave the type out"),
        (
            {"columns": tuple(column(name, drop=True) for name in SOURCE)},
            "columns: every column is dropped",
            "keep at least one",
        ),
        ({"filter": "amount > 5"}, "filter: 'amount' is text and is compared with the number 5", "write cast(amount"),
        ({"filter": "ammount = ''"}, "filter: unknown column 'ammount' at character 1; did you mean 'amount'?", ""),
        ({"filter": "id"}, "filter: 'id' gives bigint, not true or false", "write a comparison"),
        ({"clean": (CleanPlan("trim", "idd"),)}, "clean[0].trim: unknown column 'idd'; did you mean 'id'?", ""),
        (
            {"clean": (CleanPlan("fill", {"id": "x"}),)},
            "clean[0].fill: 'x' does not compare with 'id'",
            "write a number",
        ),
        (
            {"checks": (CheckPlan("not_null", "idd", ""),)},
            "checks[0].not_null: unknown column 'idd'; did you mean 'id'?",
            "",
        ),
        (
            {"checks": (CheckPlan("range", {"amount": {"min": 1}}, ""),)},
            "checks[0].range: 1 does not compare",
            "write it in",
        ),
        ({"checks": (CheckPlan("expr", "id > ida", ""),)}, "checks[0].expr: unknown column 'ida'", ""),
        ({"checks": (CheckPlan("expr", "left(id, 1) = 1", ""),)}, "checks[0].expr: ", ""),
        ({"checks": (CheckPlan("unique", "idd", ""),)}, "checks[0].unique: unknown column 'idd'", ""),
        ({"checks": (CheckPlan("nosuch", "id", ""),)}, "checks[0].nosuch: 'nosuch' is not one of", ""),
        ({"primary_key": ("ids",)}, "primary_key: unknown column 'ids'; did you mean 'id'?", ""),
        ({"order_by": ("mad",)}, "order_by: unknown column 'mad'; did you mean 'made'?", ""),
    ],
)
def test_compiling_says_which_word_is_wrong_and_what_to_do(changed: Any, said: str, fix: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Stages.compile(plan(**changed), SOURCE, None, {})
    assert caught.value.what.startswith(f"interface 'erp.crm.orders': {said}")
    assert caught.value.fix.startswith(fix)
    assert "\n" not in caught.value.what


def test_it_loads_no_engine() -> None:
    code = (
        "import sys\n"
        "from sync_provider.core.contracts import CheckPlan, Plan, SchedulePlan, SourcePlan, TargetPlan\n"
        "from sync_provider.core.engine.preflight import problems\n"
        "checks = (CheckPlan('range', {'a': {'min': 0}}, ''), CheckPlan('expr', 'a > ', ''))\n"
        "parts = ('l', 's', 'i', SourcePlan('file'), TargetPlan('d', 't'), 'full', 'append', SchedulePlan('manual'))\n"
        "plan = Plan(*parts, checks=checks)\n"
        "print([path for path, _ in problems(plan)], [n for n in ('polars', 'pyarrow', 'airflow') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['checks[1].expr'] []"
