"""Runs the six stages in a process of its own, so that a test can kill it: `drive.py CONFIG INTERFACE RUN_ID`."""

from __future__ import annotations

import sys
from pathlib import Path

from sync_provider.cli.connections import lookup
from sync_provider.core import engine
from sync_provider.core.plan import load_project


def main(config: str, interface: str, run_id: str) -> None:
    """Run check … report."""
    plan, cancel = load_project(Path(config)).plan(interface), engine.Cancel()
    ticket = engine.check(plan, engine.RunRequest(run_id), lookup)
    handover = engine.extract(plan, ticket, lookup, cancel)
    handover = engine.transform(plan, ticket, handover, lookup, cancel)
    handover = engine.quality(plan, ticket, handover, lookup, cancel)
    outcome = engine.load(plan, ticket, handover, lookup, cancel)
    engine.report(plan, ticket, outcome, lookup)


if __name__ == "__main__":
    main(*sys.argv[1:])
