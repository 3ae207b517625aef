"""The one pipeline and its stages.

`run` does everything in this process; `check … report` are the same run cut into Airflow tasks.
"""

from sync_provider.core.engine.administration import create_state, set_checkpoint, state_of, state_sql
from sync_provider.core.engine.cancel import Cancel
from sync_provider.core.engine.fused import run
from sync_provider.core.engine.previewing import Preview, preview
from sync_provider.core.engine.probing import probe_connection, probe_source, probe_target
from sync_provider.core.engine.reporting import error_to_json, report_from_json, report_to_json
from sync_provider.core.engine.request import RunRequest
from sync_provider.core.engine.staged import check, extract, load, quality, report, transform
from sync_provider.core.systems.probing import ProbeStep

__all__ = [
    "Cancel",
    "Preview",
    "ProbeStep",
    "RunRequest",
    "check",
    "create_state",
    "error_to_json",
    "extract",
    "load",
    "preview",
    "probe_connection",
    "probe_source",
    "probe_target",
    "quality",
    "report",
    "report_from_json",
    "report_to_json",
    "run",
    "set_checkpoint",
    "state_of",
    "state_sql",
    "transform",
]
