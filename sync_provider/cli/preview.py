"""`sync-provider preview`: the first rows as they would arrive, and what would be rejected."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from sync_provider.cli.connections import lookup

if TYPE_CHECKING:
    from sync_provider.core.engine import Preview

HELP = "show the first rows after all stages, and what would be rejected; writes nothing"
_WIDTH = 28


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("interface", metavar="LIBRARY.SOURCE.INTERFACE")
    parser.add_argument("--rows", type=_count, default=20, help="how many rows to read (default 20)")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Show the preview; 0 also when rows would be rejected."""
    from sync_provider.core.contracts import ROW
    from sync_provider.core.engine import preview
    from sync_provider.core.plan import load_project

    plan = load_project(Path(args.config), args.env).plan(args.interface)
    shown = preview(plan, lookup, args.rows)
    good = shown.good.drop(ROW, strict=False)
    if args.json:
        types = {name: str(kind) for name, kind in shown.columns.items()}
        rejected = shown.rejected.to_dicts()
        print(
            json.dumps(
                {"columns": types, "rows": good.to_dicts(), "rejected": rejected}, ensure_ascii=False, default=str
            )
        )
        return 0
    for line in _table(list(shown.columns), [str(kind) for kind in shown.columns.values()], good.rows()):
        print(line)
    print(_summary(shown))
    for message in shown.rejected["message"] if "message" in shown.rejected.columns else []:
        print(f"  rejected: {message}")
    return 0


def _summary(shown: Preview) -> str:
    count = shown.counters
    return (
        f"{count.read:,} read: {shown.good.height:,} would be loaded, {shown.rejected.height:,} rejected, "
        f"{count.dropped:,} dropped, {count.filtered:,} filtered; nothing was written"
    )


def _count(text: str) -> int:
    """Read a number of rows; argparse says what else was written."""
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 on, got {text!r}")
    return int(text)


def _table(names: list[str], types: list[str], rows: list[tuple[object, ...]]) -> list[str]:
    """Return aligned lines; wide characters (Chinese) count double."""
    cells = [names, types, *([_text(value) for value in row] for row in rows)]
    widths = [max(_wide(line[index]) for line in cells) for index in range(len(names))]
    return [
        "  ".join(cell + " " * (width - _wide(cell)) for cell, width in zip(line, widths, strict=True))
        for line in cells
    ]


def _text(value: object) -> str:
    text = "∅" if value is None else str(value).replace("\n", "↵")
    return text if len(text) <= _WIDTH else text[: _WIDTH - 1] + "…"


def _wide(text: str) -> int:
    from unicodedata import east_asian_width

    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)
