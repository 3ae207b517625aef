"""The table at the end of the demo: per interface what was read, loaded and rejected, and why."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from rich.console import Console
from rich.table import Table

from sync_provider.core.plan import load_project
from sync_provider.core.store.reports import recent

_ASIDE = ("deduplicated", "dropped", "filtered", "superseded")


def show(project: Path, runs: Mapping[str, str], states: Mapping[str, str]) -> None:
    """Print the reports of these runs (DAG id → run id) from the store."""
    console = Console(width=None if sys.stdout.isatty() else 120, highlight=False)
    table = Table(title="what the runs did", caption="rejected rows wait in the target's _sync_rejected")
    for heading in ("interface", "read", "loaded", "rejected", "set aside"):
        table.add_column(heading, justify="left" if heading in ("interface", "set aside") else "right")
    reasons: list[str] = []
    for interface, report in reports(project, runs):
        counters = report["counters"]
        aside = ", ".join(f"{counters[name]} {name}" for name in _ASIDE if counters[name])
        figures = (f"{counters[name]:,}" for name in ("read", "loaded", "rejected"))
        table.add_row(interface, *figures, aside)
        reasons += [
            f"  {interface}  {rule}: {rows:,} {'row' if rows == 1 else 'rows'}, such as {example}"
            for rule, (rows, example) in sorted(report["rejected_by_rule"].items())
        ]
    console.print(table)
    console.print("why rows were rejected", *reasons, sep="\n", markup=False, soft_wrap=True)
    for dag_id, state in states.items():
        console.print(f"{dag_id}: {state}", markup=False)


def reports(project: Path, runs: Mapping[str, str]) -> list[tuple[str, dict[str, Any]]]:
    """Return (interface, report) of these runs, in the order of the YAML."""
    found = []
    engine = None
    for source in load_project(project / "config", None, None).sources:
        for plan in source.plans:
            engine = engine or sa.create_engine(plan.store)
            by_run = {report["run_id"]: report for report in recent(engine, plan.id)}
            run_id = runs.get(f"{plan.library}.{plan.source_name}", "")
            if run_id in by_run:
                found.append((plan.id, by_run[run_id]))
    if engine is not None:
        engine.dispose()
    return found
