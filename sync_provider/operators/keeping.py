"""A run that went well keeps its source's version in the store, for machines that cannot see the last good folder."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from sync_provider.core.errors import SyncError
from sync_provider.core.plan import load_project
from sync_provider.core.plan.last_good import as_kept

if TYPE_CHECKING:
    from airflow.sdk import Context

    from sync_provider.core.contracts import ConnectionLookup, Plan

log = logging.getLogger(__name__)
_WAIT_S = 5


def keep_last_good(plan: Plan, context: Context, connections: ConnectionLookup) -> None:
    """Keep what the source's file is compiled to now, where it is good and the store is a server.

    As of the run's own time, so that a run of last year that is cleared does not bring back what was then. A store that
    is down never fails a run.
    """
    due = getattr(context["dag_run"], "run_after", None)
    if due is None or plan.store.startswith("sqlite:") or not plan.config_file:
        return
    config = Path(plan.config_file).parents[2]
    project = load_project(config, plan.environment or None, (plan.library, plan.source_name))
    import sqlalchemy as sa

    from sync_provider.core.store import database, last_good

    try:
        engine = database.open_store(plan.store, connections, _WAIT_S)
        try:
            for version in as_kept(project, due):
                last_good.keep(engine, version)
        finally:
            engine.dispose()
    except (SyncError, sa.exc.SQLAlchemyError, OSError) as error:
        log.info("the store did not take the version of %s: %s", plan.id, getattr(error, "orig", None) or error)
