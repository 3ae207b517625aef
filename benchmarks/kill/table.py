"""The results as a table: faults down, loads across, one table per target."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any


def write_table(path: Path, rows: list[dict[str, Any]], facts: dict[str, Any]) -> None:
    """Write the Markdown page: `exact/played` in each cell; `–` where that load does not pass the fail point."""
    told: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for row in rows:
        target, load, fault, _seed = row["cell"].split("/")
        told[target, load, fault].append(row["said"])
    broken = [row for row in rows if row["said"].startswith("BROKEN")]
    played = [row for row in rows if row["said"] != "not passed"]
    lines = [
        "# The kill matrix",
        "",
        f"`make kill` moves {facts['rows']:,} rows in batches of {facts['batch']:,} for each cell: the run meets its",
        "fault, and the target must hold the old state or the new; the same run is done again, and every row is there",
        f"once. Cells are `exact/played`; `–`: that load does not pass the point. {len(played)} played,",
        f"{len(broken)} broken. SQLite has no network, and nobody who could end a stopped writer: its lock on the file",
        "holds until it goes on or ends, so `stop` is not played there.",
    ]
    loads = list(facts["loads"])
    for target in facts["targets"]:
        faults = list(dict.fromkeys(fault for kind, _, fault in told if kind == target))
        if not faults:
            continue
        lines += ["", f"## {target}", "", f"| fault | {' | '.join(loads)} |", "|---" * (len(loads) + 1) + "|"]
        for fault in faults:
            cells = [_cell(told.get((target, load, fault), [])) for load in loads]
            lines.append(f"| {fault} | {' | '.join(cells)} |")
    lines += ["", *(f"- `{row['cell']}`: {row['said']}" for row in broken)]
    path.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")


def _cell(said: list[str]) -> str:
    played = [word for word in said if word != "not passed"]
    return f"{sum(word == 'ok' for word in played)}/{len(played)}" if played else ("–" if said else "")
