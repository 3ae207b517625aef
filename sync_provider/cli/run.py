"""`sync-provider run`: one interface, here and now, without Airflow."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from sync_provider.cli.box import Progress, box
from sync_provider.cli.connections import lookup

if TYPE_CHECKING:
    from sync_provider.core.contracts import Plan, RunReport
    from sync_provider.core.engine import Cancel, RunRequest

HELP = "run one interface without Airflow"
_WAIT_S = 2.0


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("interface", metavar="LIBRARY.SOURCE.INTERFACE")
    parser.add_argument("--full", action="store_true", help="read everything, whatever the checkpoint says")
    parser.add_argument("--since", metavar="TIME", help="read from this cursor value on; the checkpoint stays")
    parser.add_argument("--until", metavar="TIME", help="read up to, not including, this cursor value")
    parser.add_argument("--run-id", help="name of the run; a run of the same name is done again, not added")
    parser.add_argument("--again", action="store_true", help="run `schedule: once` although this version of it ran")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")


def run(args: argparse.Namespace) -> int:
    """Run it; 0 when every row is settled, 1 when the run failed, 130 when it was told to stop."""
    from sync_provider.core.engine import Cancel
    from sync_provider.core.errors import CancelledError, SyncError
    from sync_provider.core.plan import load_project

    if args.full and (args.since or args.until):
        print("--full reads everything: leave out --since and --until", file=sys.stderr)
        return 2
    plan, request = load_project(Path(args.config), args.env).plan(args.interface), _request(args)
    if request.kind is None and not args.again:
        _refuse_twice(plan, request)
    progress, cancel = Progress(plan.id), Cancel()
    _cancel_on_signals(cancel)
    try:
        report = _wait_and_run(plan, request, progress, cancel)
    except SyncError as error:
        progress.close()
        if error.report is not None and (args.json or error.report.counters.read):
            _show(error.report, as_json=args.json)
        if isinstance(error, CancelledError) and cancel.requested:
            raise KeyboardInterrupt(str(error)) from error
        raise
    progress.close()
    _show(report, as_json=args.json)
    return 0


def _request(args: argparse.Namespace) -> RunRequest:
    from sync_provider.core.engine import RunRequest

    kind = "full" if args.full else "manual" if args.since or args.until else None
    now = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
    return RunRequest(args.run_id or f"cli__{now}", kind=kind, since=args.since, until=args.until)


def _refuse_twice(plan: Plan, request: RunRequest) -> None:
    """Leave an interface alone whose `schedule: once` is through with this version of the configuration."""
    from sync_provider.core import engine
    from sync_provider.core.errors import SkippedError

    if plan.schedule.kind != "once":
        return
    if before := engine.ran_before(plan, lookup, request.run_id):
        raise SkippedError(
            f"interface {plan.id!r}: nothing to do: `schedule: once`, and run {before!r} loaded this configuration",
            fix="add --again to run it once more",
        )


def _wait_and_run(plan: Plan, request: RunRequest, progress: Progress, cancel: Cancel) -> RunReport:
    """Run, also outside the window of the day; while another run of the interface lives, wait for it."""
    from sync_provider.core import engine
    from sync_provider.core.errors import BusyError
    from sync_provider.core.plan.hours import is_open

    if plan.hours is not None and not is_open(plan.hours, datetime.now(timezone.utc)):
        progress.note("outside its window of the day, and run all the same: you asked for it")
    while True:
        try:
            return engine.run(plan, request, lookup, cancel, progress)
        except BusyError as busy:
            progress.note(f"waiting: {busy.what}")
            time.sleep(_WAIT_S)
            cancel.check()


def _cancel_on_signals(cancel: Cancel) -> None:
    """First Ctrl-C or SIGTERM: stop cleanly, on the servers too. Second Ctrl-C: at once."""

    def stop(number: int, _frame: object) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        cancel.request()

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)


def _show(report: RunReport, *, as_json: bool) -> None:
    from sync_provider.core.engine import report_to_json

    print(json.dumps(report_to_json(report), ensure_ascii=False, indent=2) if as_json else box(report))
