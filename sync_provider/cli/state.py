"""`sync-provider state show|set|reset`: how far each interface is, and how to change that."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from sync_provider.cli.connections import lookup

HELP = "checkpoints: state show|set|reset"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    show = verbs.add_parser("show", help="checkpoint, last runs and lease of an interface, or of all")
    show.add_argument("interface", nargs="?", metavar="LIBRARY.SOURCE.INTERFACE")
    show.add_argument("--json", action="store_true", help="print JSON")
    for name, text in (("set", "set the checkpoint"), ("reset", "forget it: the next run reads everything")):
        verb = verbs.add_parser(name, help=f"{text}; without --yes it only says what it would do")
        verb.add_argument("interface", metavar="LIBRARY.SOURCE.INTERFACE")
        if name == "set":
            verb.add_argument("value", help="a cursor value as the source holds it")
        verb.add_argument("--yes", action="store_true", help="do it")


def run(args: argparse.Namespace) -> int:
    """Show or change."""
    return _show(args) if args.verb == "show" else _change(args)


def _show(args: argparse.Namespace) -> int:
    from sync_provider.core.engine import state_of
    from sync_provider.core.plan import load_project

    project = load_project(Path(args.config), args.env)
    plans = [project.plan(args.interface)] if args.interface else [p for s in project.sources for p in s.plans]
    states = [state_of(plan, lookup) for plan in plans]
    if args.json:
        print(json.dumps(states, ensure_ascii=False, indent=2, default=str))
        return 0
    for state in states:
        print(f"{state['interface']}  checkpoint {state['checkpoint'] or '(none)'}")
        if state["lease"]:
            print(f"  running: {state['lease']['run_id']}, lease until {state['lease']['expires_at']}")
        for load in state["runs"]:
            print(f"  {load['status']:<8} {load['run_id']}  read {load['rows_read']}, loaded {load['rows_loaded']}")
    return 0


def _change(args: argparse.Namespace) -> int:
    from sync_provider.core.engine import set_checkpoint, state_of
    from sync_provider.core.plan import load_project

    plan = load_project(Path(args.config), args.env).plan(args.interface)
    value = args.value if args.verb == "set" else None
    before = state_of(plan, lookup)["checkpoint"]
    print(f"{plan.id}: checkpoint {before or '(none)'} → {value or '(none): the next run reads everything'}")
    if not args.yes:
        print("nothing was changed; add --yes to do it")
        return 0
    set_checkpoint(plan, lookup, value)
    return 0
