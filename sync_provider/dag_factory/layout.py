"""Which DAGs a source becomes: one for the source, one for each interface with its own schedule."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sync_provider.core.contracts import Plan, SchedulePlan
from sync_provider.dag_factory.schedules import same


@dataclass(frozen=True, slots=True)
class DagPlan:
    """One DAG to build: its id, the interfaces in it and the schedule they share."""

    dag_id: str
    schedule: SchedulePlan
    plans: tuple[Plan, ...]

    @property
    def enabled(self) -> bool:
        """Whether anything in it runs by itself."""
        return any(plan.schedule.enabled for plan in self.plans)


def layout(dag_id: str, plans: Sequence[Plan]) -> Iterator[DagPlan]:
    """Split the interfaces of one source over DAGs.

    Args:
        dag_id: `library.source`, id of the source's own DAG.
    """
    common = next((plan.schedule for plan in plans if plan.schedule.origin != "interface"), None)
    shared = tuple(plan for plan in plans if common is not None and same(plan.schedule, common))
    if common is not None:
        yield DagPlan(dag_id, common, shared)
    for plan in plans:
        if plan not in shared:
            yield DagPlan(f"{dag_id}.{plan.interface}", plan.schedule, (plan,))


def source_of(dag_id: str) -> tuple[str, str] | None:
    """Return library and source of a DAG id, or None when it is not one of ours."""
    parts = dag_id.split(".")
    return (parts[0], parts[1]) if len(parts) in (2, 3) else None
