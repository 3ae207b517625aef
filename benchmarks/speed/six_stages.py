"""The staged cut without Airflow: the six stages one after the other in this process, their hand-overs as JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from sync_provider.cli.connections import lookup
from sync_provider.core import engine
from sync_provider.core.plan import load_project


def main(config: str, interface: str) -> None:
    """Run an interface and print its report as `sync-provider run --json` does."""
    plan, cancel = load_project(Path(config)).plan(interface), engine.Cancel()
    ticket = _json(engine.check(plan, engine.RunRequest("six_stages"), lookup))
    handover = _json(engine.extract(plan, ticket, lookup, cancel))
    handover = _json(engine.transform(plan, ticket, handover, lookup, cancel))
    handover = _json(engine.quality(plan, ticket, handover, lookup, cancel))
    outcome = _json(engine.load(plan, ticket, handover, lookup, cancel))
    print(json.dumps(_json(engine.report(plan, ticket, outcome, lookup))))


def _json(value: Any) -> Any:
    return json.loads(json.dumps(value))


if __name__ == "__main__":
    main(*sys.argv[1:])
