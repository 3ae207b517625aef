"""`sync-provider db upgrade`: bring the store's tables to this version."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from sync_provider.cli.connections import lookup
from sync_provider.cli.options import shared
from sync_provider.cli.projects import left_out

if TYPE_CHECKING:
    from sync_provider.core.plan import Project

HELP = "the store of run reports: db upgrade"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    verbs.add_parser("upgrade", parents=[shared()], help="create or migrate the store's tables; safe to call again")


def run(args: argparse.Namespace) -> int:
    """Upgrade the project's store; a project.yaml with a mistake may name the wrong one."""
    from sync_provider.core.plan import load_project

    project = load_project(Path(args.config), args.env)
    if project.own_problems:
        left_out(project)
        return 1
    print(upgrade(project))
    return 0


def upgrade(project: Project) -> str:
    """Upgrade the project's store and say to what.

    Raises:
        SyncError: it cannot be reached or written.
    """
    from sync_provider.core.store import database

    return f"store {project.store}: revision {database.upgrade_store(project.store, lookup)}"
