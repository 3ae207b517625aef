"""Run reports: kept, and read back."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from sync_provider.core.contracts import RunReport
from sync_provider.core.store.tables import report as table

if TYPE_CHECKING:
    import sqlalchemy as sa


def save(engine: sa.Engine, report: RunReport) -> None:
    """Keep one report; an earlier one of the same run is replaced, in one transaction."""
    now = datetime.now(timezone.utc)
    values = {
        "interface": report.interface,
        "run_id": report.run_id,
        "status": report.status,
        "started_at": report.started_at or now,
        "ended_at": report.ended_at or now,
        "rows_read": report.counters.read,
        "rows_loaded": report.counters.loaded,
        "rows_rejected": report.counters.rejected,
        "error_kind": report.error_kind,
        "error": report.error,
        "config_hash": report.config_hash,
        "report": json.dumps(asdict(report), ensure_ascii=False, default=_iso),
    }
    with engine.begin() as connection:
        same = (table.c.interface == report.interface) & (table.c.run_id == report.run_id)
        connection.execute(table.delete().where(same))
        connection.execute(table.insert().values(values))


def recent(engine: sa.Engine, interface: str, limit: int = 20) -> list[dict[str, Any]]:
    """Return the newest reports of one interface, newest first, as plain JSON values."""
    query = table.select().where(table.c.interface == interface).order_by(table.c.started_at.desc()).limit(limit)
    with engine.connect() as connection:
        return [json.loads(row.report) for row in connection.execute(query)]


def _iso(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"a report holds {type(value).__name__}")
