"""`sync-provider state show|set|reset|copy`: how far each interface is, and how to change that."""

from __future__ import annotations

import argparse
import getpass
import json
import sys
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sync_provider.cli.connections import lookup
from sync_provider.cli.options import shared
from sync_provider.cli.projects import left_out
from sync_provider.core.errors import ConfigError, SyncError

if TYPE_CHECKING:
    from sync_provider.core.contracts import Plan
    from sync_provider.core.engine import Change
    from sync_provider.core.plan import Project

HELP = "checkpoints: state show|set|reset|copy"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    show = verbs.add_parser(
        "show", parents=[shared()], help="checkpoint, last runs and lease of an interface, or of all"
    )
    show.add_argument("interface", nargs="?", metavar="LIBRARY.SOURCE.INTERFACE")
    show.add_argument("--json", action="store_true", help="print JSON")
    verb = _changing(verbs, "set", "set the checkpoint")
    verb.add_argument("interface", metavar="LIBRARY.SOURCE.INTERFACE")
    verb.add_argument("value", help="a cursor value as the source holds it")
    verb = _changing(verbs, "reset", "forget it: the next run reads everything")
    verb.add_argument("interface", nargs="+", metavar="INTERFACE", help="ids, or patterns such as 'erp.crm.*'")
    verb = _changing(verbs, "copy", "let one interface go on where another one is")
    verb.add_argument("origin", metavar="FROM", help="id; also of an interface that is no longer configured")
    verb.add_argument("interface", metavar="TO")
    verb.add_argument("--force", action="store_true", help="overwrite a checkpoint that is there")


def _changing(verbs: Any, name: str, text: str) -> argparse.ArgumentParser:
    verb: argparse.ArgumentParser = verbs.add_parser(
        name, parents=[shared()], help=f"{text}; without --yes it only says what it would do"
    )
    verb.add_argument("--yes", action="store_true", help="do it")
    verb.add_argument("--dry-run", action="store_true", help="only say what would be done, --yes or not")
    verb.add_argument("--json", action="store_true", help="print JSON")
    return verb


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
    """Say what would change, then do it; one that fails stops none of the others."""
    from sync_provider.core.plan import load_project

    project = load_project(Path(args.config), args.env)
    dry = args.dry_run or not args.yes
    changes, failed = [], False
    for plan in _chosen(project, args):
        try:
            change = _one(project, plan, args, dry=dry)
        except SyncError as error:
            print(error, file=sys.stderr)
            failed = True
            continue
        changes.append({**change.to_json(), "done": not dry})
        if not args.json:
            print(_told(change))
    if args.json:
        print(json.dumps(changes, ensure_ascii=False, indent=2))
    elif dry and changes:
        print("nothing was changed; add --yes to do it" if not args.dry_run else "nothing was changed")
    return 1 if failed else 0


def _chosen(project: Project, args: argparse.Namespace) -> list[Plan]:
    """Return the plans that are meant, each once.

    Raises:
        ConfigError: a word names no interface.
    """
    if args.verb != "reset":
        return [project.plan(args.interface)]
    found: dict[str, Plan] = {}
    for word in args.interface:
        matching = {id: plan for id, plan in project.plans.items() if fnmatchcase(id, word)}
        found |= matching or {word: project.plan(word)}
    return list(found.values())


def _one(project: Project, plan: Plan, args: argparse.Namespace, *, dry: bool) -> Change:
    from sync_provider.core.engine import copy_checkpoint, set_checkpoint

    if args.verb == "copy":
        origin = project.plans.get(args.origin, args.origin)
        return copy_checkpoint(plan, lookup, origin, _who(), force=args.force, dry=dry)
    value = _checked(plan, args.value) if args.verb == "set" else None
    return set_checkpoint(plan, lookup, value, _who(), dry=dry)


def _told(change: Change) -> str:
    origin = f" (of {change.origin})" if change.origin else ""
    after = change.after or "(none): the next run reads everything"
    return f"{change.interface}: checkpoint {change.before or '(none)'} → {after}{origin}"


def _who() -> str:
    """Return who changes it, for the row in the target."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return "somebody"


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
    if plan.increment.strategy == "key":  # where rows are merged a text may be the key: the next run tells
        return increments.key_bound(plan, "value", value, "number" if plan.write == "append" else "text") or ""
    moments.bound(plan, "value", value)
    return value
