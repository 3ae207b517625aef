"""`sync-provider explain`: each effective value of one interface, and the file:line it comes from."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

HELP = "show each effective value of one interface and where it comes from"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("interface", metavar="LIBRARY.SOURCE.INTERFACE")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Print the table; an unknown or broken interface is an error."""
    from sync_provider.core.plan import explain, load_project

    rows = explain(load_project(Path(args.config), args.env), args.interface)
    if args.json:
        names = ("key", "value", "origin", "level")
        print(json.dumps([dict(zip(names, row, strict=True)) for row in rows], ensure_ascii=False, indent=2))
        return 0
    shown = [(f"{key}: {_yaml(value)}", origin, level) for key, value, origin, level in rows]
    width = min(60, max(len(text) for text, *_ in shown))
    for text, origin, level in shown:
        where = origin if level in ("builtin", "interface") else f"{origin} ({level})"
        print(f"{text:<{width}}  # {where}")
    return 0


def _yaml(value: Any) -> str:
    """Return a value as one would write it in YAML on one line."""
    return value if isinstance(value, str) and value.isprintable() and value else json.dumps(value, ensure_ascii=False)
