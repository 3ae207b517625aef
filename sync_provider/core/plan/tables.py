"""Interfaces that write the same target table, across the whole project."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from sync_provider.core.config.problems import sorted_unique
from sync_provider.core.config.templates import placed
from sync_provider.core.contracts import Plan

if TYPE_CHECKING:
    from sync_provider.core.config.problems import Problem
    from sync_provider.core.plan.loaded import LoadedSource


def shared_tables(sources: Sequence[LoadedSource]) -> tuple[LoadedSource, ...]:
    """Return the sources with a problem at each interface whose table another one writes too."""
    first: dict[tuple[str, str | None, str], Plan] = {}
    result = []
    for source in sources:
        found: list[Problem] = []
        for plan in source.plans:
            target = plan.target
            other = first.setdefault((target.connection, target.schema, target.table), plan)
            if other is not plan:
                found.append(placed(_problem(source, plan, other), source.roots[plan.interface]))
        errors = sorted_unique(p for p in found if p.severity == "error")
        warnings = sorted_unique((*source.warnings, *(p for p in found if p.severity == "warning")))
        if errors:
            source = replace(source, problems=errors, warnings=warnings, plans=(), clashes=True)
        elif found:
            source = replace(source, warnings=warnings)
        result.append(source)
    return tuple(result)


def _problem(source: LoadedSource, plan: Plan, other: Plan) -> Problem:
    root = source.roots[plan.interface]
    node = root.find(("target", "table"))
    node = node if node.path[-1:] == ("table",) else root
    table = f"{plan.target.schema}.{plan.target.table}" if plan.target.schema else plan.target.table
    message = f"{other.id} writes {table} in {plan.target.connection!r} too"
    if sweeping := next((each for each in (plan, other) if _sweeps(each)), None):
        fix = "give one of them another `target: {table: …}`"
        return node.problem(f"{message}, and {sweeping.id} removes rows that it has not read", fix, at_key=True)
    if _rewrites(plan) or _rewrites(other):
        # a run done again deletes what it wrote, and the runs of two interfaces of one DAG have the same id;
        # an increment deletes what it reads again by its time, whoever wrote it
        fix = "give one of them another `target: {table: …}`, or `primary_key:` to both"
        return node.problem(
            f"{message}, and appended rows cannot be told apart when a run is done again", fix, at_key=True
        )
    fix = (
        "give one of them another `target: {table: …}` unless they share it on purpose; their runs wait for each other"
    )
    return node.problem(message, fix, at_key=True, severity="warning")


def _sweeps(plan: Plan) -> bool:
    """Whether rows another interface wrote would go."""
    return plan.write == "replace" or (plan.deletes is not None and plan.deletes.when is None)


def _rewrites(plan: Plan) -> bool:
    return plan.write == "append"
