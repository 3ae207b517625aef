"""`sync-provider target init`: our state tables in the target, made or printed."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from sync_provider.cli.connections import lookup

if TYPE_CHECKING:
    from sync_provider.core.contracts import Plan

HELP = "our state tables in the target: target init"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    init = verbs.add_parser("init", help="create the state tables of every target")
    init.add_argument("--print-sql", action="store_true", help="print the statements instead of running them")


def run(args: argparse.Namespace) -> int:
    """Create the tables, or print what an administrator should run."""
    for plan in distinct_targets(Path(args.config), args.env):
        if args.print_sql:
            print_sql(plan)
        else:
            print(f"{plan.target.connection}, schema {plan.target.state_schema or '(default)'}: {create(plan)}")
    return 0


def distinct_targets(config: Path, env: str | None) -> Iterator[Plan]:
    """Yield one plan per (connection, state schema) of the project."""
    from sync_provider.core.plan import load_project

    seen = set()
    for source in load_project(config, env).sources:
        for plan in source.plans:
            key = (plan.target.connection, plan.target.state_schema)
            if key not in seen:
                seen.add(key)
                yield plan


def print_sql(plan: Plan) -> None:
    """Print the statements for one target, ready for psql or sqlite3."""
    from sync_provider.core.engine import state_sql

    print(f"-- connection {plan.target.connection}, schema {plan.target.state_schema or '(default)'}")
    for sql in state_sql(plan, lookup):
        print(sql.rstrip().rstrip(";") + ";")


def create(plan: Plan) -> str:
    """Create one target's state tables and say what happened."""
    from sync_provider.core.engine import create_state

    return "created" if create_state(plan, lookup) else "already there"
