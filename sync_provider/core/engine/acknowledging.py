"""Telling the source, after COMMIT, that its rows are safe."""

from __future__ import annotations

import logging

from sync_provider.core.contracts import Plan, Source, Target
from sync_provider.core.engine.request import Ticket
from sync_provider.core.errors import SyncError
from sync_provider.core.ledger import lease

log = logging.getLogger(__name__)


def acknowledge(plan: Plan, ticket: Ticket, source: Source, target: Target) -> None:
    """Tell the source; a refusal changes nothing for the target, and the next run reads those rows again.

    By flag, what is claimed now must be what this run has read: nobody may take the lease and claim meanwhile.
    """
    try:
        if plan.increment is not None and plan.increment.strategy == "flag":
            _under_lease(plan, ticket, source, target)
        else:
            source.ack()
    except SyncError as error:
        log.warning("the rows are committed, the source did not take the acknowledgement: %s", error)


def _under_lease(plan: Plan, ticket: Ticket, source: Source, target: Target) -> None:
    session = target.session()
    try:
        session.begin()
        lease.verify(session, plan.target.state_schema, plan.id, ticket.token)
        if session.dialect == "sqlite":  # its one lock may be the very one the source waits for
            session.rollback()
        source.ack()
        session.rollback()
    finally:
        session.close()
