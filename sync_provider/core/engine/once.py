"""`schedule: once`: whether a run of this very configuration is done."""

from __future__ import annotations

from sync_provider.core.contracts import ConnectionLookup, Plan
from sync_provider.core.engine.opening import open_target
from sync_provider.core.ledger import load as loads


def ran_before(plan: Plan, connections: ConnectionLookup, run_id: str) -> str | None:
    """Return the run that loaded everything under this version of the configuration, or None.

    Args:
        run_id: the run that asks; it may always be done again.
    """
    with open_target(plan, connections) as target:
        if target.describe(plan.target.state_schema, "_sync_load") is None:
            return None
        session = target.session()
        try:
            return loads.done_with(session, plan.target.state_schema, plan.id, plan.config_hash, run_id)
        finally:
            session.close()
