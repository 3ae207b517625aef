"""What a stage says in its log, in the order people look for it: read, loaded, rejected and why."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from sync_provider.operators.route import route

if TYPE_CHECKING:
    from sync_provider.core.contracts import Plan

#: level and text
Line = tuple[int, str]

_SETTLED = ("inserted", "updated", "unchanged", "superseded", "deduplicated", "dropped", "filtered", "warned")


def ticket_lines(plan: Plan, ticket: Mapping[str, Any]) -> Iterator[Line]:
    """Yield what `check` has to say: from where to where, and which rows."""
    yield logging.INFO, f"{plan.id}: {route(plan)}"
    yield logging.INFO, _window(ticket["window"])


def handover_lines(plan: Plan, handover: Mapping[str, Any]) -> Iterator[Line]:
    """Yield what a stage before `load` has to say."""
    counters = handover["counters"]
    yield logging.INFO, f"{plan.id}: read {counters['read']:,} rows from {plan.source.type}{_asides(counters)}"
    yield from rejected_lines(handover)


def report_lines(report: Mapping[str, Any]) -> Iterator[Line]:
    """Yield what `load` and `report` have to say."""
    yield (logging.INFO if report["status"] == "ok" else logging.ERROR), summary(report)
    yield from rejected_lines(report)
    yield from ((logging.INFO, note) for note in report.get("notes") or ())


def rejected_lines(counted: Mapping[str, Any]) -> Iterator[Line]:
    """Yield how many rows were rejected, and per rule how many and the first of them, worst first."""
    if rows := counted["counters"]["rejected"]:
        yield logging.WARNING, f"rejected rows: {rows:,}"
    for rule, (rows, example) in sorted(counted["rejected_by_rule"].items(), key=lambda item: -item[1][0]):
        yield logging.WARNING, f"  {rule}: {rows:,}, e.g. {example}"


def summary(report: Mapping[str, Any]) -> str:
    """Return a run in one sentence; of a failed one the fix on a second line."""
    name = report["interface"]
    if report["status"] != "ok":
        why = report["error"] or "no reason given"
        told = f"{report['status']}: {why}" if name in why else f"{name}: {report['status']}: {why}"
        return f"{told}\n  fix: {report['fix']}" if report["fix"] else told
    counters = report["counters"]
    rejected = f", rejected {counters['rejected']:,}" if counters["rejected"] else ""
    return f"{name}: read {counters['read']:,}, loaded {counters['loaded']:,}{rejected}{_asides(counters)}"


def _window(window: Mapping[str, Any]) -> str:
    """Return which rows a run reads."""
    since, until = window["since"], window["until"]
    if window["kind"] == "full" or (since is None and until is None):
        return f"{window['kind']} run: reads all rows"
    # a window that moves the checkpoint includes its end, a data interval does not
    end = "up to" if window["kind"] == "incremental" else "before"
    bounds = [f"from {since} on" if since else "", f"{end} {until}" if until else ""]
    return f"{window['kind']} run: reads rows {', '.join(filter(None, bounds))}"


def _asides(counters: Mapping[str, int]) -> str:
    told = [f"{counters[name]:,} {name}" for name in _SETTLED if counters[name]]
    return f" ({', '.join(told)})" if told else ""
