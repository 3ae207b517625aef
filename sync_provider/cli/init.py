"""`sync-provider init`: everything a new installation needs once: store, state tables, Airflow pools."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from sync_provider.cli import db, targets
from sync_provider.core.errors import SyncError

HELP = "make the store, the state tables and the Airflow pools; safe to call again"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--dry-run", action="store_true", help="only say what would be made")


def run(args: argparse.Namespace) -> int:
    """Make what is missing; go on past a target that cannot be reached, and say so at the end."""
    config, failed = Path(args.config), 0
    wanted = pools(config, args.env)
    for plan in targets.distinct_targets(config, args.env):
        place = f"state tables in {plan.target.connection}, schema {plan.target.state_schema or '(default)'}"
        try:
            print(f"{place}: {'to make, where missing' if args.dry_run else targets.create(plan)}")
        except SyncError as error:
            failed += 1
            print(f"{place}: {error}")
    if args.dry_run:
        print(f"store: to upgrade\npools: {', '.join(f'{name} ({slots})' for name, slots in wanted.items()) or 'none'}")
        return 0
    for store, revision in db.upgrade(config, args.env):
        print(f"store {store}: revision {revision}")
    print(f"pools: {_make_pools(config, wanted)}")
    return 1 if failed else 0


def pools(config: Path, env: str | None) -> dict[str, int]:
    """Return pool → slots: one per source with `limits: {source: n}`."""
    from sync_provider.core.plan import load_project

    plans = [plan for source in load_project(config, env).sources for plan in source.plans]
    return {f"sync.{p.library}.{p.source_name}": int(p.limits["source"]) for p in plans if p.limits.get("source")}


def _make_pools(config: Path, wanted: dict[str, int]) -> str:
    """Make the pools in Airflow's database and leave the note that tells the DAG factory to use them."""
    if not wanted:
        return "none configured"
    try:
        from airflow.models.pool import Pool
        from airflow.utils.session import create_session

        with create_session() as session:
            for name, slots in wanted.items():
                Pool.create_or_update_pool(
                    name, slots=slots, description="one source's limit", include_deferred=False, session=session
                )
    except (ImportError, RuntimeError) as error:
        return f"not made, Airflow's database is not reachable from here: {error}"
    note = config.resolve().parent / ".sync" / "pools.json"
    note.parent.mkdir(parents=True, exist_ok=True)
    note.write_text(json.dumps(sorted(wanted)), encoding="utf-8")
    return ", ".join(wanted)
