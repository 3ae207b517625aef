"""What a stage says in its log, in the order people look for it: read, loaded, rejected and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sync_provider.core.contracts import Plan

_SETTLED = ("inserted", "updated", "unchanged", "superseded", "deduplicated", "dropped", "filtered", "warned")


def handover_lines(plan: Plan, handover: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a stage before `load` has to say."""
    counters = handover["counters"]
    yield f"{plan.id}: read {counters['read']:,} rows from {plan.source.type}{_asides(counters)}"
    yield from _rejected(counters["rejected"], handover["rejected_by_rule"])


def report_lines(report: Mapping[str, Any]) -> Iterator[str]:
    """Yield what `load` and `report` have to say."""
    yield summary(report)
    yield from _rejected(report["counters"]["rejected"], report["rejected_by_rule"])
    yield from report.get("notes") or ()


def summary(report: Mapping[str, Any]) -> str:
    """Return a run in one sentence."""
    if report["status"] != "ok":
        return f"{report['interface']}: {report['status']}: {report['error'] or 'no reason given'}"
    counters = report["counters"]
    rejected = f", rejected {counters['rejected']:,}" if counters["rejected"] else ""
    return (
        f"{report['interface']}: read {counters['read']:,}, loaded {counters['loaded']:,}{rejected}{_asides(counters)}"
    )


def _asides(counters: Mapping[str, int]) -> str:
    told = [f"{counters[name]:,} {name}" for name in _SETTLED if counters[name]]
    return f" ({', '.join(told)})" if told else ""


def _rejected(count: int, by_rule: Mapping[str, Any]) -> Iterator[str]:
    if count:
        yield f"rejected {count:,} rows:"
    for rule, (rows, example) in sorted(by_rule.items(), key=lambda item: -item[1][0]):
        yield f"  {rule}: {rows:,}, e.g. {example}"
