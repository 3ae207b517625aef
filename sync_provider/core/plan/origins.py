"""Where each effective value of an interface comes from: what `explain` shows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from typing import Any

from sync_provider.core.config.levels import level
from sync_provider.core.config.positions import Node, dotted
from sync_provider.core.contracts import Plan
from sync_provider.core.plan.loading import load_rule
from sync_provider.core.plan.project import Project
from sync_provider.core.plan.runs import next_runs, no_runs

Row = tuple[str, Any, str, str]


def explain(project: Project, id: str) -> list[Row]:
    """Return (key, value, origin, level) of every effective value, in the order one would write them.

    Args:
        id: `library.source.interface`.

    Returns:
        origin is `file:line` or `built-in`; level is interface | source | environment | project | builtin,
        or `inferred` for what follows from another key, whose place is the origin.

    Raises:
        ConfigError: there is no such interface, or its file has problems.
    """
    plan = project.plan(id)
    root = project.source_of(id).roots[plan.interface]
    source_root = root.document.root
    assert source_root is not None
    source = source_root.find(("source",))
    rows = [*_leaves(source, ("source",)), *_leaves(root, ())]
    written = {key for key, *_ in rows}
    rows += [row for row in _inferred(plan, root) if row[0] not in written]
    rows += [row for row in _options(plan.source.options) if not {row[0], f"source.{row[0]}"} & written]
    for name, value in (("store", plan.store), ("staging", plan.staging), ("staging.shared", plan.shared_files)):
        place = project.places.get(name)
        rows.append((name, value, place or "built-in", "project" if place else "builtin"))
    return sorted(rows, key=lambda row: _order(row[0]))


_FIRST = ("source", "target", "mode", "incremental", "write", "primary_key", "schedule", "timezone")


def _order(key: str) -> tuple[int, str]:
    head = key.partition(".")[0]
    return (_FIRST.index(head) if head in _FIRST else len(_FIRST), head)


def _leaves(node: Node, path: tuple[Any, ...]) -> Iterator[Row]:
    """Yield one row per scalar or list: lists replace as a whole, so their elements have one origin."""
    if isinstance(node.value, dict) and node.value:
        for name, child in node.value.items():
            yield from _leaves(child, (*path, name))
    elif path:
        yield dotted(path), node.plain(), node.place(), level(node)


def _inferred(plan: Plan, root: Node) -> Iterator[Row]:
    """Yield what nobody wrote and the plan holds all the same, with the key it follows from."""
    here = root.place()
    increment = root.get("incremental")
    key = root.get("primary_key")
    yield "mode", plan.mode, *_because(increment, here)
    yield "write", plan.write, *_because(key, here)
    if plan.load is None:
        yield "load", load_rule(plan), "built-in", "builtin"
    yield "target.table", plan.target.table, here, "inferred"
    if plan.target.state_schema:
        yield "target.state_schema", plan.target.state_schema, root.find(("target", "schema")).place(), "inferred"
    if plan.increment is not None:
        yield "incremental.strategy", plan.increment.strategy, "built-in", "builtin"
        if plan.increment.strategy != "flag":
            by_key = plan.increment.strategy == "key"
            lag = plan.increment.lag_keys if by_key else f"{plan.increment.lag_s:g}s"
            yield "incremental.lag", lag, "built-in", "builtin"
    if plan.environment:
        yield "environment", plan.environment, here, "inferred"
    yield "schedule.next_runs", _next_runs(plan), *_decided_by(plan, root)
    if plan.guard is not None and root.get("guard") is None:
        yield "guard.min_rows", f"{plan.guard.percent:g}%", "built-in", "builtin"
    if plan.max_bad.percent is not None:
        yield "max_bad.min_rows", plan.max_bad.min_rows, "built-in", "builtin"
    yield "config_hash", plan.config_hash, here, "inferred"


def _next_runs(plan: Plan) -> list[str] | str:
    """Return when Airflow runs it next, or why it never does."""
    runs = next_runs(plan.schedule, datetime.now(timezone.utc))
    return [run.isoformat(timespec="minutes") for run in runs] or no_runs(plan.schedule)


def _decided_by(plan: Plan, root: Node) -> tuple[str, str]:
    """Return the place of what decides when it runs: `enabled` where that forbids it, else the schedule."""
    node = root.find(("schedule" if plan.schedule.enabled else "enabled",))
    return node.place(), "inferred"


def _options(options: Mapping[str, Any], path: str = "") -> Iterator[Row]:
    """Yield what the source type itself assumes."""
    for name, value in options.items():
        if isinstance(value, Mapping) and value:
            yield from _options(value, f"{path}{name}.")
        elif value is not None:
            yield f"{path}{name}", value, "built-in", "builtin"


def _because(node: Node | None, here: str) -> tuple[str, str]:
    return (node.place() if node is not None else here), "inferred"
