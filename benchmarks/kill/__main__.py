"""`python -m benchmarks.kill [--seeds 1] [--only postgres/merge] [--fresh]`: play the matrix, or go on with it."""

from __future__ import annotations

import argparse
import json
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from benchmarks.kill.arena import arena
from benchmarks.kill.cells import Cell, play
from benchmarks.kill.table import write_table
from sync_provider.core.engine.failpoints import CHUNK_EDGES, EDGES

FACTS = Path(__file__).with_name("facts.yaml")
TABLE = Path(__file__).with_name("results.md")
#: fail points of the files that stages hand over
STAGED_ONLY = ("stage_write", "manifest", "cleanup")
PROGRESS = Path(".sync-kill.jsonl")


def cells(facts: dict[str, Any], seeds: int, only: str) -> Iterator[Cell]:
    """Yield every cell whose name begins with `only`."""
    for seed in range(1, seeds + 1):
        for target in facts["targets"]:
            for load, how in facts["loads"].items():
                for fault in (*_edges(how), *facts["faults"]):
                    if target == "sqlite" and fault in ("stop", "cut_target", "half_open", "restart_target"):
                        continue  # a file has no network and no server that could end a stopped writer
                    cell = Cell(target, load, how["lines"], how["cut"], facts["batch"], fault, seed)
                    if cell.name.startswith(only):
                        yield cell


def _edges(how: dict[str, Any]) -> list[str]:
    """Return the fail points a load passes; chunks are killed in their middle."""
    edges = [edge for edge in EDGES if how["cut"] == "staged" or edge not in STAGED_ONLY]
    return edges + [
        f"{edge}@{20 if edge != 'discard' else 1}" for edge in CHUNK_EDGES if "load: staged" in how["lines"]
    ]


def main() -> int:
    """Play what is left, write the table; 1 when a cell is broken."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seeds", type=int, default=1)
    options.add_argument("--only", default="", help="target/load/fault, from the left")
    options.add_argument("--fresh", action="store_true", help="forget earlier results")
    asked = options.parse_args()
    if asked.fresh:
        PROGRESS.unlink(missing_ok=True)
    facts = yaml.safe_load(FACTS.read_text(encoding="utf-8"))
    results = {row["cell"]: row for row in map(json.loads, _lines())}
    todo = [cell for cell in cells(facts, asked.seeds, asked.only) if cell.name not in results]
    with arena(sorted({cell.target for cell in todo}), facts["rows"]) as servers:
        for number, cell in enumerate(todo, 1):
            start = time.monotonic()
            try:
                said = play(cell, servers)
            except Exception as error:  # noqa: BLE001 - a broken cell is a result; the others are played all the same
                said = f"BROKEN {type(error).__name__}: {str(error).splitlines()[0]}"
                traceback.print_exc()
            row = {"cell": cell.name, "said": said, "seconds": round(time.monotonic() - start, 1)}
            results[cell.name] = row
            with PROGRESS.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
            print(f"{number}/{len(todo)} {cell.name}: {said} ({row['seconds']} s)", flush=True)
    write_table(TABLE, list(results.values()), facts)
    return int(any(row["said"].startswith("BROKEN") for row in results.values()))


def _lines() -> list[str]:
    return PROGRESS.read_text(encoding="utf-8").splitlines() if PROGRESS.exists() else []


if __name__ == "__main__":
    sys.exit(main())
