"""`sync-provider state show|set|reset`: how far each interface is, and how to change that."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sync_provider.cli.connections import lookup
from sync_provider.cli.options import shared
from sync_provider.cli.projects import left_out
from sync_provider.core.errors import ConfigError, SyncError

if TYPE_CHECKING:
    from sync_provider.core.contracts import Plan

HELP = "checkpoints: state show|set|reset"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    show = verbs.add_parser(
        "show", parents=[shared()], help="checkpoint, last runs and lease of an interface, or of all"
    )
    show.add_argument("interface", nargs="?", metavar="LIBRARY.SOURCE.INTERFACE")
    show.add_argument("--json", action="store_true", help="print JSON")
    for name, text in (("set", "set the checkpoint"), ("reset", "forget it: the next run reads everything")):
        verb = verbs.add_parser(name, parents=[shared()], help=f"{text}; without --yes it only says what it would do")
        verb.add_argument("interface", metavar="LIBRARY.SOURCE.INTERFACE")
        if name == "set":
            verb.add_argument("value", help="a cursor value as the source holds it")
        verb.add_argument("--yes", action="store_true", help="do it")


def run(args: argparse.Namespace) -> int:
    """Show or change."""
    return _show(args) if args.verb == "show" else _change(args)


def _show(args: argparse.Namespace) -> int:
    from sync_provider.core.plan import load_project

    project = load_project(Path(args.config), args.env)
    plans = [project.plan(args.interface)] if args.interface else list(project.plans.values())
    states = [_state(plan) for plan in plans]
    if args.json:
        print(json.dumps(states, ensure_ascii=False, indent=2, default=str))
    else:
        print("\n".join(map(_text, states)), end="\n" if states else "")
    wrong = not args.interface and left_out(project)
    return 1 if wrong or any("error" in state for state in states) else 0


def _state(plan: Plan) -> dict[str, Any]:
    """Return one interface's state; where its target cannot be asked, the reason as `error`."""
    from sync_provider.core.engine import state_of

    try:
        return state_of(plan, lookup)
    except SyncError as error:
        return {"interface": plan.id, "error": error.what, "fix": error.fix}


def _text(state: dict[str, Any]) -> str:
    if "error" in state:
        return f"{state['interface']}  {state['error']}" + (f"\n  fix: {state['fix']}" if state["fix"] else "")
    lines = [f"{state['interface']}  checkpoint {state['checkpoint'] or '(none)'}"]
    if state["lease"]:
        lines.append(f"  running: {state['lease']['run_id']}, lease until {state['lease']['expires_at']}")
    for load in state["runs"]:
        counts = f"read {load['rows_read']:,}, loaded {load['rows_loaded']:,}" if load["status"] == "done" else ""
        said = (load["error"] or counts).partition("\n")[0]
        lines.append(f"  {load['status']:<8} {load['run_id']}  {said}".rstrip())
    return "\n".join(lines)


def _change(args: argparse.Namespace) -> int:
    from sync_provider.core.engine import set_checkpoint, state_of
    from sync_provider.core.plan import load_project

    plan = load_project(Path(args.config), args.env).plan(args.interface)
    value = _checked(plan, args.value) if args.verb == "set" else None
    before = state_of(plan, lookup)["checkpoint"]
    print(f"{plan.id}: checkpoint {before or '(none)'} → {value or '(none): the next run reads everything'}")
    if not args.yes:
        print("nothing was changed; add --yes to do it")
        return 0
    set_checkpoint(plan, lookup, value)
    return 0


def _checked(plan: Plan, value: str) -> str:
    """Return a value that the next run can begin at.

    Raises:
        ConfigError: the interface reads no increments, or the value is no time.
    """
    from sync_provider.core.systems import increments, moments

    if plan.increment is None:
        raise ConfigError(
            f"{plan.id}: reads everything at each run and has no checkpoint", fix="write `incremental:` first"
        )
    if plan.increment.strategy == "flag":
        raise ConfigError(
            f"{plan.id}: `strategy: flag` has no checkpoint, each row says itself whether it was read",
            fix=f"set {plan.increment.cursor!r} of the rows wanted back to {plan.increment.pending!r} in the source",
        )
    if plan.increment.strategy == "key":  # whether it is a number, the source tells at the next run
        return increments.key_bound(plan, "value", value, "text") or ""
    moments.bound(plan, "value", value)
    return value
