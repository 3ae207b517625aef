"""How many interfaces one DAG holds: as many as Airflow's page shows at a glance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from sync_provider.core.contracts import Plan

if TYPE_CHECKING:
    from sync_provider.core.config.positions import Node
    from sync_provider.core.config.problems import Problem

#: task groups in one DAG
MAX_GROUPS = 30


def crowded(roots: Mapping[str, Node], plans: Sequence[Plan]) -> Iterator[Problem]:
    """Find groups of interfaces that are more than one DAG holds, at the first that gets into another DAG.

    Args:
        roots: effective trees by interface.
    """
    groups: dict[str, list[Plan]] = {}
    for plan in plans:
        if plan.schedule.origin != "interface":
            groups.setdefault(plan.group, []).append(plan)
    for group, members in groups.items():
        if len(members) > MAX_GROUPS:
            where = f"in group {group!r}" if group else "without `group:`"
            message = f"{len(members)} interfaces {where}, and one DAG holds {MAX_GROUPS}: a second DAG begins here"
            fix = "write `group: <name>` at those that belong together, or add new ones at the end"
            yield roots[members[MAX_GROUPS].interface].problem(message, fix, at_key=True, severity="warning")
