"""`test-connection` of a whole interface: its connections, then what it would read and write."""

from __future__ import annotations

from sync_provider.core.contracts import Advising, ConnectionInfo, ConnectionLookup, Plan
from sync_provider.core.engine.opening import open_source
from sync_provider.core.errors import SyncError
from sync_provider.core.systems.probing import ProbeStep, Wanted, is_probed, probe

_WRITES = ("SELECT", "INSERT", "UPDATE", "DELETE")
_STATE = ("_sync_checkpoint", "_sync_chunk", "_sync_lease", "_sync_load", "_sync_rejected", "_sync_version")


def probe_connection(info: ConnectionInfo) -> list[ProbeStep]:
    """Test one connection."""
    return probe(info)


def probe_source(plan: Plan, connections: ConnectionLookup) -> list[ProbeStep]:
    """Test the source's connection, then look at what the interface reads, as a run would."""
    steps: list[ProbeStep] = []
    options, last = plan.source.options, "read" if plan.source.connection else "files"
    try:
        if plan.source.connection is not None:
            info = connections(plan.source.connection)
            named = [Wanted(str(options.get("table") or plan.interface), options.get("schema"))]
            if is_probed(info):  # else `type: sql` or a plugin opens it, and says itself what is wrong
                steps += probe(info, [] if options.get("query") else named)
        if all(step.ok for step in steps):
            with open_source(plan, connections) as source:
                source.ping()
                steps.append(ProbeStep(last, True, f"{len(source.columns())} columns may be read"))
                if isinstance(source, Advising):
                    steps += [ProbeStep("increment", True, sentence) for sentence in source.advice()]
    except SyncError as error:
        steps.append(ProbeStep.failed(last, error))
    return steps


def probe_target(plan: Plan, connections: ConnectionLookup) -> list[ProbeStep]:
    """Test the target's connection and the rights on the table and on our state tables."""
    target = plan.target
    wanted = [Wanted(target.table, target.schema, _WRITES, may_be_missing=True)]
    wanted += [Wanted(name, target.state_schema, _WRITES, may_be_missing=True) for name in _STATE]
    try:
        return probe(connections(target.connection), wanted)
    except SyncError as error:
        return [ProbeStep.failed("connection", error)]
