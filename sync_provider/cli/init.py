"""`sync-provider init`: everything a new installation needs once: store, state tables, Airflow pools."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from sync_provider.cli import db, targets
from sync_provider.cli.connections import lookup
from sync_provider.cli.projects import left_out
from sync_provider.core.errors import ConfigError, SyncError

if TYPE_CHECKING:
    from sync_provider.core.plan import Project

HELP = "make the store, the state tables and the Airflow pools; safe to call again"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--dry-run", action="store_true", help="only say what would be made")


def run(args: argparse.Namespace) -> int:
    """Make what is missing; go on past what cannot be made, and return 1 then."""
    from sync_provider.core.plan import load_project

    project = load_project(Path(args.config), args.env)
    wrong = left_out(project)
    if project.own_problems:
        return 1
    wanted = pools(project)
    if args.dry_run:
        for plan in targets.distinct_targets(project):
            print(f"state tables in {targets.place(plan)}: to make, where missing")
        names = ", ".join(f"{name} ({slots})" for name, slots in wanted.items())
        print(f"store {project.store}: to upgrade\npools: {names or 'none'}")
        return 1 if wrong else 0
    done = [_make(f"state tables in {targets.place(plan)}: ", lambda plan=plan: targets.create(plan))
            for plan in targets.distinct_targets(project)]  # fmt: skip
    done.append(_make("", lambda: db.upgrade(project)))
    if done[-1] and not project.store.startswith("sqlite:"):
        done.append(_make("last good versions: ", lambda: _keep_versions(project)))
    done.append(_make("pools: ", lambda: _make_pools(project, wanted)))
    return 0 if all(done) and not wrong else 1


def _make(what: str, step: Callable[[], str]) -> bool:
    """Do one step and print what came of it."""
    try:
        print(f"{what}{step()}")
    except SyncError as error:
        print(f"{what}{error}")
        return False
    return True


def pools(project: Project) -> dict[str, int]:
    """Return pool → slots: one per source with `limits: {source: n}`."""
    plans = project.plans.values()
    return {f"sync.{p.library}.{p.source_name}": int(p.limits["source"]) for p in plans if p.limits.get("source")}


def _keep_versions(project: Project) -> str:
    """Keep each good source's version in the store, for machines that cannot see the DAG processor's folder."""
    from sync_provider.core.plan.last_good import as_kept
    from sync_provider.core.store import database, last_good

    engine = database.open_store(project.store, lookup)
    try:
        database.ready(engine)
        kept = [last_good.keep(engine, version) for version in as_kept(project, datetime.now(timezone.utc))]
    finally:
        engine.dispose()
    return f"{sum(kept)} of {len(kept)} were new to the store"


def _make_pools(project: Project, wanted: dict[str, int]) -> str:
    """Make the pools in Airflow's database and leave the note that tells the DAG factory to use them.

    Raises:
        ConfigError: there is no such database here.
    """
    if not wanted:
        return "none configured"
    import sqlalchemy as sa

    try:
        _write_pools(wanted)
    except (ImportError, RuntimeError, sa.exc.SQLAlchemyError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(
            f"not made: Airflow's database cannot be used from here: {reason}",
            fix="run this where Airflow runs, with its AIRFLOW_HOME and after `airflow db migrate`",
        ) from error
    note = project.root / ".sync" / "pools.json"
    try:
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(json.dumps(sorted(wanted)), encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"made, but the note {note} that makes DAGs use them cannot be written: {error.strerror}",
            fix="let this user write the folder",
        ) from error
    return ", ".join(wanted)


def _write_pools(wanted: dict[str, int]) -> None:
    from airflow.models.pool import Pool
    from airflow.utils.session import create_session

    with create_session() as session:
        for name, slots in wanted.items():
            Pool.create_or_update_pool(
                name, slots=slots, description="one source's limit", include_deferred=False, session=session
            )
