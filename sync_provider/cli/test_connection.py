"""`sync-provider test-connection`: how far one gets, step by step, and what to do about it."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from sync_provider.cli.connections import lookup

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sync_provider.core.engine import ProbeStep

HELP = "test a connection, or every connection of an interface: DNS, TCP, TLS, login, permissions, tables"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("name", metavar="NAME", help="a connection id, or LIBRARY.SOURCE.INTERFACE")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Test; 1 when any step failed."""
    results = dict(_results(args))
    if args.json:
        plain = {name: [asdict(step) for step in steps] for name, steps in results.items()}
        print(json.dumps(plain, ensure_ascii=False))
    else:
        for name, steps in results.items():
            _show(name, steps)
    return 0 if all(step.ok for steps in results.values() for step in steps) else 1


def _show(name: str, steps: list[ProbeStep]) -> None:
    print(name)
    width = max(12, *(len(step.name) for step in steps))
    for step in steps:
        print(f"  {'ok  ' if step.ok else 'FAIL'} {step.name:<{width}} {step.message}")
        if not step.ok and step.fix:
            print(f"       fix: {step.fix}")


def _results(args: argparse.Namespace) -> Iterator[tuple[str, list[ProbeStep]]]:
    from sync_provider.core.engine import probe_connection, probe_source, probe_target

    if "." not in args.name:
        yield f"connection {args.name}", probe_connection(lookup(args.name))
        return
    from sync_provider.core.plan import load_project

    plan = load_project(Path(args.config), args.env).plan(args.name)
    yield f"source of {plan.id}", probe_source(plan, lookup)
    yield f"target of {plan.id}", probe_target(plan, lookup)
