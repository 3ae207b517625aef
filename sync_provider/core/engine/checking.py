"""`checks:` compiled: every row rule in one pass, reasons only for the rows that broke one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sync_provider.core.contracts import CheckPlan, ColumnType, RuleCase
from sync_provider.core.contracts.frames import row_type
from sync_provider.core.engine.preflight import check_cases
from sync_provider.core.expressions import unknown_name
from sync_provider.core.transforms.evaluate import evaluate

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition on a row.

    Args:
        rule: as quarantine shows it: the check's own name, or `range(amount)`.
        broken: true where the row breaks it.
        kind: data | business.
        on_fail: quarantine | drop | warn | abort.
    """

    rule: str
    columns: tuple[str, ...]
    message: str
    broken: pl.Expr
    kind: str = "business"
    on_fail: str = "quarantine"


@dataclass(frozen=True, slots=True)
class Checks:
    """The compiled checks of one interface.

    Args:
        numbers: columns kept as exact text that rules see as numbers.
        unique: (rule, on_fail, columns) of set rules.
    """

    tests: tuple[Condition, ...]
    numbers: Mapping[str, ColumnType]
    unique: tuple[tuple[str, str, tuple[str, ...]], ...] = ()

    def run(self, frame: pl.DataFrame) -> pl.DataFrame | None:
        """Return one Boolean column per test (named by its index), or None when every row passes all.

        A row on which a test cannot be computed breaks it.
        """
        import polars as pl

        if not self.tests or frame.is_empty():
            return None
        rows = frame.with_columns(pl.col(name).cast(row_type(kind)) for name, kind in self.numbers.items())
        flags, stopped = evaluate(rows, {f"{index}": test.broken for index, test in enumerate(self.tests)})
        flags = flags.with_columns(pl.all().fill_null(False))
        flags = flags.with_columns((flags[name] | rows_stopped).alias(name) for name, rows_stopped in stopped.items())
        return flags if flags.select(pl.any_horizontal(pl.all()).any()).item() else None


def compile_checks(plans: Iterable[CheckPlan], types: Mapping[str, ColumnType], required: Iterable[str]) -> Checks:
    """Compile `checks:`.

    Args:
        types: target columns before they are masked.
        required: columns the target does not let be NULL.

    Raises:
        ValueError: `checks[1].range: ` and what is wrong.
    """
    tests: list[Condition] = []
    unique = []
    kept: set[str] = set()
    for index, plan in enumerate(plans):
        where = f"checks[{index}].{plan.rule}"
        try:
            for case in check_cases(plan):
                _check_names(case, types)
                if case.scope == "set":
                    unique.append((_rule(plan, case), plan.on_fail, case.columns))
                else:
                    tests.append(_test(plan, case, types))
                if plan.rule == "not_null" and plan.on_fail != "warn":
                    kept.update(case.columns)
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from error
    tests += [_implied(name) for name in required if name not in kept]
    read = {name for test in tests for name in test.columns}
    numbers = {name: kind for name, kind in types.items() if name in read and _is_text_number(kind)}
    return Checks(tuple(tests), numbers, tuple(unique))


def _check_names(case: RuleCase, types: Mapping[str, ColumnType]) -> None:
    for name in case.columns:
        if name not in types:
            raise ValueError(unknown_name("column", name, types))


def _rule(plan: CheckPlan, case: RuleCase) -> str:
    return plan.name if plan.name and plan.name != plan.rule else f"{plan.rule}({', '.join(case.columns)})"


def _test(plan: CheckPlan, case: RuleCase, types: Mapping[str, ColumnType]) -> Condition:
    if case.broken is None:
        raise ValueError(f"rule {plan.rule!r} has neither a condition nor set scope")
    return Condition(_rule(plan, case), case.columns, case.message, case.broken(types), on_fail=plan.on_fail)


def _implied(name: str) -> Condition:
    """A column that the target requires is checked although no check says so: the server would refuse the batch."""
    import polars as pl

    said = "is null, which the target does not allow"
    return Condition(f"not_null({name})", (name,), said, pl.col(name).is_null(), kind="data")


def _is_text_number(kind: ColumnType) -> bool:
    import polars as pl

    return kind.kind == "decimal" and row_type(kind) == pl.Float64()
