"""`columns:` read against what the source has and the target wants: which columns there will be, of which types."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sync_provider.core.contracts import ColumnPlan, ColumnType
from sync_provider.core.expressions import Expression, Guard, parse, unknown_name
from sync_provider.core.transforms.casts import refusal

if TYPE_CHECKING:
    import polars as pl

#: a source column that only expressions read is kept under this prefix; no column name starts so
HIDDEN = "\0"


@dataclass(frozen=True, slots=True)
class Output:
    """One column made: from a source column, or by an expression.

    Args:
        have: type of what it is made from.
        want: type it gets.
        value: the expression, compiled; `guards` tell the rows on which it has no answer.
    """

    name: str
    have: ColumnType
    want: ColumnType
    source: str = ""
    expression: Expression | None = None
    timezone: str | None = None
    value: pl.Expr | None = None
    guards: tuple[Guard, ...] = ()


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """The compiled `columns:` of one interface.

    Args:
        outputs: target columns in order.
        names: what an expression may read: name → the output whose value it is.
    """

    outputs: tuple[Output, ...]
    names: Mapping[str, Output]

    @property
    def types(self) -> dict[str, ColumnType]:
        """Target columns and their types, in order."""
        return {output.name: output.want for output in self.outputs}

    def hidden(self) -> list[Output]:
        """Return the source columns that are kept for expressions only."""
        read = {name for output in self.outputs if output.expression for name in output.expression.columns}
        return [self.names[name] for name in sorted(read) if self.names[name].name.startswith(HIDDEN)]


def compile_columns(
    plans: Iterable[ColumnPlan], source: Mapping[str, ColumnType], target: Mapping[str, ColumnType] | None
) -> ColumnMap:
    """Compile `columns:`; source columns it does not name pass through as they are.

    An expression reads the source's columns, cast to their `type:`; a renamed column answers to both names.
    A column's type is its own `type:`, else the target table's, else the source's.

    Raises:
        ValueError: `columns.<name>: ` and what is wrong.
    """
    written = {plan.name: plan for plan in plans}
    for plan in written.values():
        if plan.expr is None and plan.name not in source:
            raise ValueError(f"columns.{plan.name}: {unknown_name('source column', plan.name, source)}")
    names = _readable(written, source, target)
    outputs = [names[name] for name in source if not names[name].name.startswith(HIDDEN)]
    order = {name: index for index, name in enumerate(source)}
    computed = [_computed(plan, names, target) for plan in written.values() if plan.expr is not None and not plan.drop]
    placed = [(order[o.source], o) for o in outputs]
    placed += [(order.get(plan.name, len(order)), o) for plan, o in computed]
    made = [output for _, output in sorted(placed, key=lambda item: item[0])]
    _check_distinct(made)
    if not made:
        raise ValueError("columns: every column is dropped\n  fix: keep at least one")
    return ColumnMap(tuple(made), names)


def _readable(
    written: Mapping[str, ColumnPlan], source: Mapping[str, ColumnType], target: Mapping[str, ColumnType] | None
) -> dict[str, Output]:
    """Return every source column under its own name, and under its new one where that is free."""
    names: dict[str, Output] = {}
    for name, have in source.items():
        plan = written.get(name, ColumnPlan(name, name))
        if plan.drop or plan.expr is not None:
            want = plan.type if plan.drop and plan.type else have
            output = Output(HIDDEN + name, have, want, source=name, timezone=plan.timezone)
        else:
            output = Output(plan.to, have, _wanted(plan, have, target), source=name, timezone=plan.timezone)
        if not plan.drop:
            _check_name(name)
            _check_name(plan.to)
        _check_types(name, output)
        names[name] = output
    for output in list(names.values()):
        if not output.name.startswith(HIDDEN):
            names.setdefault(output.name, output)
    return names


def _computed(
    plan: ColumnPlan, names: Mapping[str, Output], target: Mapping[str, ColumnType] | None
) -> tuple[ColumnPlan, Output]:
    types = {name: output.want for name, output in names.items()}
    try:
        expression = parse(plan.expr or "")
        made = expression.compile(types)
    except ValueError as error:
        raise ValueError(f"columns.{plan.name}.expr: {error}") from error
    wanted = _wanted(plan, made.result, target)
    output = Output(plan.to, made.result, wanted, "", expression, plan.timezone, made.value, made.guards)
    _check_types(plan.name, output)
    return plan, output


def _wanted(plan: ColumnPlan, have: ColumnType, target: Mapping[str, ColumnType] | None) -> ColumnType:
    there = (target or {}).get(plan.to)
    if plan.type is None:
        return there or replace(have, nullable=True)
    return replace(plan.type, nullable=there.nullable if there else True)


def _check_types(name: str, output: Output) -> None:
    problem = refusal(output.have, output.want, output.timezone)
    if problem:
        raise ValueError(f"columns.{name}: {problem}")


def _check_name(name: str) -> None:
    """Refuse the two spellings that the frame engine takes for patterns."""
    if name == "*" or (name.startswith("^") and name.endswith("$")):
        raise ValueError(f"columns.{name}: a column cannot be called {name!r}\n  fix: rename it in the source")


def _check_distinct(outputs: list[Output]) -> None:
    seen: dict[str, Output] = {}
    for output in outputs:
        if output.name in seen:
            raise ValueError(
                f"columns.{output.source or output.name}: two columns are called {output.name!r}"
                "\n  fix: rename one with `to:`, or drop it"
            )
        seen[output.name] = output
