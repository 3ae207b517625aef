"""`sync-provider db upgrade`: bring the store's tables to this version."""

from __future__ import annotations

import argparse
from pathlib import Path

from sync_provider.cli.connections import lookup

HELP = "the store of run reports: db upgrade"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    verbs.add_parser("upgrade", help="create or migrate the store's tables; safe to call again")


def run(args: argparse.Namespace) -> int:
    """Upgrade every store the project names (one per environment, as a rule)."""
    for store, revision in upgrade(Path(args.config), args.env):
        print(f"store {store}: revision {revision}")
    return 0


def upgrade(config: Path, env: str | None) -> list[tuple[str, str]]:
    """Upgrade each distinct store and return (store, revision)."""
    from sync_provider.core.plan import load_project
    from sync_provider.core.store import database

    done = []
    for store in sorted({plan.store for source in load_project(config, env).sources for plan in source.plans}):
        engine = database.open_store(store, lookup)
        try:
            done.append((store, database.upgrade(engine)))
        finally:
            engine.dispose()
    return done
