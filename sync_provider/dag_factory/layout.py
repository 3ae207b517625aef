"""Which DAGs a source becomes: one per source or per group of it, one per interface with its own schedule."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sync_provider.core.contracts import Plan, SchedulePlan
from sync_provider.core.plan.crowds import MAX_GROUPS
from sync_provider.dag_factory.schedules import same


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a source runs on its last good version.

    Args:
        messages: what is wrong now, each with file:line:col.
        saved: when the last good version was kept, ISO 8601.
    """

    messages: tuple[str, ...]
    saved: str


@dataclass(frozen=True, slots=True)
class DagPlan:
    """One DAG to build: its id, the interfaces in it and the schedule they share.

    Args:
        part: what tells it from the other DAGs of a large source; "" where there is no need.
        trouble: set where the plans are a last good version.
    """

    dag_id: str
    schedule: SchedulePlan
    plans: tuple[Plan, ...]
    part: str = ""
    trouble: Trouble | None = None

    @property
    def enabled(self) -> bool:
        """Whether anything in it runs by itself."""
        return any(plan.schedule.enabled for plan in self.plans)


def layout(dag_id: str, plans: Sequence[Plan], trouble: Trouble | None = None) -> Iterator[DagPlan]:
    """Split the interfaces of one source over DAGs.

    Args:
        dag_id: `library.source`, id of the source's own DAG.
    """
    common = next((plan.schedule for plan in plans if plan.schedule.origin != "interface"), None)
    groups: dict[str, list[Plan]] = {}
    alone: list[Plan] = []
    for plan in plans:
        shares = common is not None and same(plan.schedule, common)
        (groups.setdefault(plan.group, []) if shares else alone).append(plan)
    if common is not None:
        for group, members in groups.items():
            for suffix, part, some in _parts(group, members):
                yield DagPlan(f"{dag_id}{suffix}", common, some, part, trouble)
    for plan in alone:
        yield DagPlan(f"{dag_id}.{plan.interface}", plan.schedule, (plan,), "", trouble)


def _parts(group: str, members: Sequence[Plan]) -> Iterator[tuple[str, str, tuple[Plan, ...]]]:
    """Yield id suffix, name and interfaces of each DAG of a group; no interface's name has the hyphen these have.

    Cut in the order that is written, so that what is added at the end moves no other.
    """
    for start in range(0, len(members), MAX_GROUPS):
        number = start // MAX_GROUPS + 1
        some = tuple(members[start : start + MAX_GROUPS])
        if group:
            more = f"-{number}" if number > 1 else ""
            yield f".group-{group}{more}", f"{group}{more}", some
        else:
            yield (f".part-{number}", f"part {number}", some) if number > 1 else ("", "", some)


def source_of(dag_id: str) -> tuple[str, str] | None:
    """Return library and source of a DAG id, or None when it is not one of ours."""
    parts = dag_id.split(".")
    return (parts[0], parts[1]) if len(parts) in (2, 3) else None
