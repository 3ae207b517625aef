"""What can be known to be wrong with a plan's words before any data or database is seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from sync_provider.core import registry
from sync_provider.core.contracts import CheckPlan, CleanPlan, CleanStep, Mask, MaskPlan, Plan, RuleCase
from sync_provider.core.errors import SyncError
from sync_provider.core.expressions import parse

_T = TypeVar("_T")
#: (path within the interface, sentence); a sentence may end in a line with its fix
Problem = tuple[str, str]


def problems(plan: Plan) -> list[Problem]:
    """Return what is wrong, such as (`checks[1].range`, `'amount' expects min and max, got 5`).

    Finds expressions and parameters that do not parse, names that `columns:` took away, and masks that destroy a key;
    whether the other names exist is known when the source is open. Loads no engine: only the words used, and sqlglot.
    """
    words = _Words()
    words.read(plan)
    return [*words.problems, *_gone(plan, words), *_masked_keys(plan, words)]


def check_cases(check: CheckPlan) -> list[RuleCase]:
    """Parse one check. Raises ValueError."""
    return list(registry.load("rules", check.rule).parse(check.params))


def clean_step(step: CleanPlan) -> CleanStep:
    """Parse one step under `clean:`. Raises ValueError."""
    parsed: CleanStep = registry.load("cleaners", step.word).parse(step.params)
    return parsed


def check_mask(plan: MaskPlan) -> Mask:
    """Load a mask and check its parameters. Raises ValueError."""
    mask: Mask = registry.load("masks", plan.method)
    mask.parse(plan.params)
    return mask


@dataclass(slots=True)
class _Words:
    """Everything that parses, by path; and what does not."""

    problems: list[Problem] = field(default_factory=list)
    cases: dict[str, list[RuleCase]] = field(default_factory=dict)
    steps: dict[str, CleanStep] = field(default_factory=dict)
    masks: dict[str, Mask] = field(default_factory=dict)

    def read(self, plan: Plan) -> None:
        if plan.filter is not None:
            self._try("filter", partial(parse, plan.filter))
        if plan.deletes is not None and plan.deletes.when is not None:
            self._try("deletes.when", partial(parse, plan.deletes.when))
        for column in plan.columns:
            if column.expr is not None:
                self._try(f"columns.{column.name}.expr", partial(parse, column.expr))
        for index, step in enumerate(plan.clean):
            path = f"clean[{index}].{step.word}"
            self.steps.update(self._try(path, partial(clean_step, step)))
        for index, check in enumerate(plan.checks):
            path = f"checks[{index}].{check.rule}"
            self.cases.update(self._try(path, partial(check_cases, check)))
        for mask in plan.mask:
            self.masks.update(self._try(f"mask.{mask.column}", partial(check_mask, mask)))

    def _try(self, path: str, attempt: Callable[[], _T]) -> dict[str, _T]:
        try:
            return {path: attempt()}
        except (ValueError, SyncError) as error:
            self.problems.append((path, str(error)))
            return {}


def _gone(plan: Plan, words: _Words) -> Iterator[Problem]:
    """Find names that are not there any more after `columns:`."""
    made = {column.to for column in plan.columns if not column.drop}
    gone = {}
    for column in plan.columns:
        if column.name not in made and column.drop:
            gone[column.name] = f"is dropped under `columns:`\n  fix: keep {column.name!r}, or leave it out here"
        elif column.name not in made and column.to != column.name:
            gone[column.name] = f"is called {column.to!r} after `columns:`\n  fix: write {column.to}"
    for path, name in _named(plan, words):
        if name in gone:
            yield path, f"column {name!r} {gone[name]}"


def _named(plan: Plan, words: _Words) -> Iterator[Problem]:
    """Yield (path, name) of every target column that is named."""
    yield from (("primary_key", name) for name in plan.primary_key)
    yield from (("order_by", name) for name in plan.order_by)
    yield from ((f"mask.{mask.column}", mask.column) for mask in plan.mask)
    for path, step in words.steps.items():
        yield from ((path, name) for name in step.columns)
    for path, cases in words.cases.items():
        yield from ((path, name) for name in dict.fromkeys(name for case in cases for name in case.columns))


def _masked_keys(plan: Plan, words: _Words) -> Iterator[Problem]:
    """Find keys and orders that a mask would destroy: the target decides on masked values."""
    methods = {mask.column: mask.method for mask in plan.mask}
    for path, name, ordered in _decided_in_target(plan, words):
        mask = words.masks.get(f"mask.{name}")
        if mask is not None and ordered:
            yield path, f"column {name!r} is masked, and masked values have no order\n  fix: order by another column"
        elif mask is not None and not mask.keeps_equality:
            said = f"column {name!r} is masked by {methods[name]}, which makes different values equal"
            yield path, f"{said}\n  fix: mask it with hmac, or leave it clear"


def _decided_in_target(plan: Plan, words: _Words) -> Iterator[tuple[str, str, bool]]:
    """Yield (path, column, whether its order counts)."""
    yield from (("primary_key", name, False) for name in plan.primary_key)
    yield from (("order_by", name, True) for name in plan.order_by)
    for path, cases in words.cases.items():
        yield from ((path, name, False) for case in cases if case.scope == "set" for name in case.columns)
    for path, step in words.steps.items():
        key, order_by = step.deduplicate or ((), ())
        yield from ((path, name, False) for name in key)
        yield from ((path, name, True) for name in order_by)
