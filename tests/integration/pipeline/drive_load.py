"""Runs the `load` stage in a process of its own, so that a test can kill it: `drive_load.py CONFIG INTERFACE FILE`.

FILE holds what `check` and `quality` returned, as JSON.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from sync_provider.cli.connections import lookup
from sync_provider.core import engine
from sync_provider.core.plan import load_project


def main(config: str, interface: str, file: str) -> None:
    """Run load."""
    ticket, handover = json.loads(Path(file).read_text(encoding="utf-8"))
    engine.load(load_project(Path(config)).plan(interface), ticket, handover, lookup, engine.Cancel())


if __name__ == "__main__":
    main(*sys.argv[1:])
