"""The one pipeline and its stages.

`run` does everything in this process; `check … report` are the same run cut into Airflow tasks.

Names are imported when they are first used: a command that only checks words must not pay for the rest.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sync_provider.core.engine.administration import create_state, state_of, state_sql
    from sync_provider.core.engine.cancel import Cancel
    from sync_provider.core.engine.checkpoints import Change, copy_checkpoint, set_checkpoint
    from sync_provider.core.engine.fused import run
    from sync_provider.core.engine.once import ran_before
    from sync_provider.core.engine.previewing import Preview, preview
    from sync_provider.core.engine.probing import probe_connection, probe_source, probe_target
    from sync_provider.core.engine.reporting import error_to_json, report_from_json, report_to_json
    from sync_provider.core.engine.request import RunRequest
    from sync_provider.core.engine.staged import check, extract, load, quality, report, transform
    from sync_provider.core.systems.probing import ProbeStep

_HOME = {
    "create_state": "sync_provider.core.engine.administration",
    "Change": "sync_provider.core.engine.checkpoints",
    "copy_checkpoint": "sync_provider.core.engine.checkpoints",
    "set_checkpoint": "sync_provider.core.engine.checkpoints",
    "state_of": "sync_provider.core.engine.administration",
    "state_sql": "sync_provider.core.engine.administration",
    "Cancel": "sync_provider.core.engine.cancel",
    "run": "sync_provider.core.engine.fused",
    "ran_before": "sync_provider.core.engine.once",
    "Preview": "sync_provider.core.engine.previewing",
    "preview": "sync_provider.core.engine.previewing",
    "probe_connection": "sync_provider.core.engine.probing",
    "probe_source": "sync_provider.core.engine.probing",
    "probe_target": "sync_provider.core.engine.probing",
    "error_to_json": "sync_provider.core.engine.reporting",
    "report_from_json": "sync_provider.core.engine.reporting",
    "report_to_json": "sync_provider.core.engine.reporting",
    "RunRequest": "sync_provider.core.engine.request",
    "check": "sync_provider.core.engine.staged",
    "extract": "sync_provider.core.engine.staged",
    "load": "sync_provider.core.engine.staged",
    "quality": "sync_provider.core.engine.staged",
    "report": "sync_provider.core.engine.staged",
    "transform": "sync_provider.core.engine.staged",
    "ProbeStep": "sync_provider.core.systems.probing",
}

__all__ = [
    "Cancel",
    "Change",
    "Preview",
    "ProbeStep",
    "RunRequest",
    "check",
    "copy_checkpoint",
    "create_state",
    "error_to_json",
    "extract",
    "load",
    "preview",
    "probe_connection",
    "probe_source",
    "probe_target",
    "quality",
    "ran_before",
    "report",
    "report_from_json",
    "report_to_json",
    "run",
    "set_checkpoint",
    "state_of",
    "state_sql",
    "transform",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
