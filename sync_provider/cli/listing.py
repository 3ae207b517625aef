"""`sync-provider list`: all interfaces, one line each."""

from __future__ import annotations

import argparse
import json
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from sync_provider.cli.projects import left_out

if TYPE_CHECKING:
    from sync_provider.core.contracts import Plan, SchedulePlan

HELP = "list all interfaces"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Print what can run; when a file has problems, say so and return 1."""
    from sync_provider.core.plan import load_project

    project = load_project(Path(args.config), args.env)
    rows = [_row(plan) for plan in project.plans.values()]
    if args.json:
        print(json.dumps(rows, ensure_ascii=False, indent=2))
    elif rows:
        _table([list(rows[0]), *(list(row.values()) for row in rows)])
    return 1 if left_out(project) else 0


def _row(plan: Plan) -> dict[str, str]:
    from sync_provider.core.plan.runs import next_runs

    table = f"{plan.target.schema}.{plan.target.table}" if plan.target.schema else plan.target.table
    via = f"{plan.source.type}:{plan.source.connection}" if plan.source.connection else plan.source.type
    return {
        "id": plan.id,
        "source": via,
        "target": f"{plan.target.connection}:{table}",
        "mode": plan.mode,
        "write": plan.write,
        "schedule": when(plan.schedule),
        "next": "".join(
            run.isoformat(" ", "minutes") for run in next_runs(plan.schedule, datetime.now(timezone.utc), 1)
        ),
        "environment": plan.environment,
        "title": plan.title,
    }


def when(schedule: SchedulePlan) -> str:
    """Return a schedule in a few characters, its time zone included."""
    if not schedule.enabled:
        return "disabled"
    if schedule.kind == "cron":
        return f"{schedule.cron} {schedule.timezone}"
    return f"every {schedule.interval_s:g}s" if schedule.kind == "interval" else schedule.kind


def _table(rows: list[list[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())
