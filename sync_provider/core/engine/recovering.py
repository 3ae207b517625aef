"""What a killed replace by renaming has left in the target: finished or undone by the run that may write now."""

from __future__ import annotations

from sync_provider.core.contracts import LoadSpec, Plan, Session, Target
from sync_provider.core.engine.request import Ticket
from sync_provider.core.ledger import lease


def recover(plan: Plan, ticket: Ticket, target: Target, session: Session, spec: LoadSpec, *, committed: bool) -> None:
    """Finish or undo it, also where tables are no longer swapped; not where another run has taken the lease since.

    Args:
        committed: whether the run of this ticket is.
    """
    if spec.write == "replace" and lease.is_last(session, plan.target.state_schema, plan.id, ticket.token):
        target.recover(session, spec, committed=committed)
