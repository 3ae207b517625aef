"""What people look at and change between runs: state tables, checkpoints, the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sync_provider.core.contracts import ConnectionLookup, Plan, Session, Target
from sync_provider.core.engine.opening import open_target
from sync_provider.core.engine.settling import state_tables
from sync_provider.core.ledger import checkpoint, lease, tables, versions
from sync_provider.core.ledger import load as loads


@contextmanager
def target_session(plan: Plan, connections: ConnectionLookup) -> Iterator[tuple[Target, Session]]:
    """Open the plan's target and a session of it, and close both again."""
    with open_target(plan, connections) as target:
        session = target.session()
        try:
            yield target, session
        finally:
            session.close()


def state_sql(plan: Plan, connections: ConnectionLookup) -> list[str]:
    """Return the statements that make the plan's state tables; connects to nothing."""
    with open_target(plan, connections) as target:
        schema = plan.target.state_schema
        return [*tables.create_sql(target.dialect, schema), *versions.upgrade_sql(target.dialect, schema)]


def create_state(plan: Plan, connections: ConnectionLookup) -> bool:
    """Make the plan's state tables; False where they were there already."""
    with target_session(plan, connections) as (target, session):
        return state_tables(plan, session, target)


def state_of(plan: Plan, connections: ConnectionLookup) -> dict[str, Any]:
    """Return an interface's checkpoint, its lease while a run holds it, and its newest runs."""
    schema = plan.target.state_schema
    with target_session(plan, connections) as (target, session):
        if target.describe(schema, "_sync_lease") is None:
            return {"interface": plan.id, "checkpoint": None, "lease": None, "runs": []}
        return {
            "interface": plan.id,
            "checkpoint": checkpoint.get(session, schema, plan.id),
            "lease": lease.read(session, schema, plan.id),
            "runs": loads.recent(session, schema, plan.id),
        }
