"""`sync-provider target init`: our state tables in the target, made or printed."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from sync_provider.cli.connections import lookup
from sync_provider.cli.options import shared
from sync_provider.cli.projects import left_out

if TYPE_CHECKING:
    from sync_provider.core.contracts import Plan
    from sync_provider.core.plan import Project

HELP = "our state tables in the target: target init"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    init = verbs.add_parser("init", parents=[shared()], help="create the state tables of every target")
    init.add_argument("--print-sql", action="store_true", help="print the statements instead of running them")


def run(args: argparse.Namespace) -> int:
    """Create the tables, or print what an administrator should run; 1 where files are left out."""
    from sync_provider.core.plan import load_project

    project = load_project(Path(args.config), args.env)
    for plan in distinct_targets(project):
        if args.print_sql:
            print_sql(plan)
        else:
            print(f"{place(plan)}: {create(plan)}")
    return 1 if left_out(project) else 0


def distinct_targets(project: Project) -> list[Plan]:
    """Return one plan per (connection, state schema) of the project."""
    found: dict[tuple[str, str], Plan] = {}
    for plan in project.plans.values():
        found.setdefault((plan.target.connection, plan.target.state_schema), plan)
    return list(found.values())


def place(plan: Plan) -> str:
    """Return where a plan's state tables are, in words."""
    return f"{plan.target.connection}, schema {plan.target.state_schema or '(default)'}"


def print_sql(plan: Plan) -> None:
    """Print the statements for one target, ready for psql or sqlite3."""
    from sync_provider.core.engine import state_sql

    print(f"-- connection {place(plan)}")
    for sql in state_sql(plan, lookup):
        print(sql.rstrip().rstrip(";") + ";")


def create(plan: Plan) -> str:
    """Create one target's state tables and say what happened."""
    from sync_provider.core.engine import create_state

    return "created" if create_state(plan, lookup) else "already there"
