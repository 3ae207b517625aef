"""`filter:` – which source rows are taken at all; only a condition that is true takes one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sync_provider.core.contracts import ROW, ColumnType
from sync_provider.core.contracts.frames import frame_type, row_type
from sync_provider.core.expressions import Compiled, Expression, parse
from sync_provider.core.transforms import casts
from sync_provider.core.transforms.evaluate import evaluate
from sync_provider.core.transforms.mapper import Fault

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, slots=True)
class Filtered:
    """What became of some rows.

    Args:
        rows: those taken.
        failed: those on which the condition cannot be decided; `faults` say why, by masks over them.
        filtered: how many were left out.
    """

    rows: pl.DataFrame
    failed: pl.DataFrame
    faults: list[Fault]
    filtered: int


@dataclass(frozen=True, slots=True)
class Filter:
    """A compiled condition over source columns.

    Args:
        rule: what a row is rejected under on which it cannot be decided.
    """

    expression: Expression
    types: Mapping[str, ColumnType]
    condition: Compiled
    rule: str = "filter"

    def apply(self, frame: pl.DataFrame) -> Filtered:
        """Take rows."""
        return _split(frame, *self.judge(frame))

    def judge(self, frame: pl.DataFrame) -> tuple[pl.Series, list[Fault]]:
        """Return on which rows the condition is true, and where and why it cannot be decided."""
        seen, faults = self._seen(frame)
        tests = {f"{index}": guard.failed for index, guard in enumerate(self.condition.guards)}
        values, stopped = evaluate(seen, {"taken": self.condition.value, **tests})
        for index, guard in enumerate(self.condition.guards):
            mask = values[f"{index}"].fill_null(False)
            faults.append(Fault(self.rule, guard.columns, guard.said, mask, from_source=True))
        if "taken" in stopped:
            said = f"cannot be computed: {self.expression.text}"
            faults.append(Fault(self.rule, self.expression.columns, said, stopped["taken"], from_source=True))
        return values["taken"].fill_null(False), [fault for fault in faults if fault.rows.any()]

    def _seen(self, frame: pl.DataFrame) -> tuple[pl.DataFrame, list[Fault]]:
        """Return the columns the condition reads; in a batch with strange values one may still be text."""
        import polars as pl

        wanted = {name: self.types[name] for name in self.expression.columns}
        strange = {name: kind for name, kind in wanted.items() if frame.schema[name] != frame_type(kind)}
        made, failed = casts.apply(
            frame, {name: casts.cast(name, kind, frame.schema[name], kind) for name, kind in strange.items()}
        )
        seen = frame.select(ROW, *wanted).with_columns(made.get_columns())
        faults = [
            Fault(f"type({name})", (name,), f"is not {self.types[name]}", mask, from_source=True)
            for name, mask in failed.items()
        ]
        return seen.with_columns(pl.col(name).cast(row_type(kind)) for name, kind in wanted.items()), faults


def compile_filter(text: str, types: Mapping[str, ColumnType], rule: str = "filter") -> Filter:
    """Compile a condition over source columns. Raises ValueError: `filter: ` and what is wrong."""
    try:
        expression = parse(text)
        return Filter(expression, types, expression.condition(types, typed=False), rule)
    except ValueError as error:
        raise ValueError(f"{rule}: {error}") from error


def _split(frame: pl.DataFrame, taken: pl.Series, faults: list[Fault]) -> Filtered:
    if not faults:
        rows = frame.filter(taken)
        return Filtered(rows, frame.clear(), [], frame.height - rows.height)
    bad = faults[0].rows
    for fault in faults[1:]:
        bad = bad | fault.rows
    rows, failed = frame.filter(taken & ~bad), frame.filter(bad)
    moved = [replace(fault, rows=fault.rows.filter(bad)) for fault in faults]
    return Filtered(rows, failed, moved, frame.height - rows.height - failed.height)
