"""The quarantine table: rejected rows of a run, written with it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from sync_provider.core.contracts import ROW, Plan, Session
from sync_provider.core.ledger.clock import now
from sync_provider.core.ledger.tables import tables

if TYPE_CHECKING:
    import polars as pl

#: rows per INSERT; SQLite and PostgreSQL both bound the number of values in one statement
_CHUNK = 1_000
_TEXTS = ("position", "kind", "rule", "message", "key", "data", "raw")


def replace(
    session: Session,
    schema: str | None,
    plan: Plan,
    run_id: str,
    frames: Iterable[pl.DataFrame],
    state: str,
    shard: str = "",
) -> int:
    """Write a run's rejected rows in place of those an earlier try of it wrote; return how many.

    Args:
        frames: REJECTED columns, masked.
        state: new | aborted.
    """
    table, at, rows = tables(schema).rejected, now(session), 0
    same = (table.c.interface == plan.id, table.c.shard == shard, table.c.run_id == run_id)
    session.run(sa.delete(table).where(*same))
    fixed: dict[str, Any] = {"interface": plan.id, "shard": shard, "run_id": run_id, "state": state}
    fixed |= {"config_hash": plan.config_hash, "created_at": at}
    for frame in frames:
        for part in frame.iter_slices(_CHUNK):
            values = [
                {**fixed, "row_number": number, **dict(zip(_TEXTS, texts, strict=True))}
                for number, *texts in part.select(ROW, *_TEXTS).iter_rows()
            ]
            session.run(sa.insert(table).values(values))
            rows += part.height
    return rows


def by_rule(
    session: Session, schema: str | None, interface: str, run_id: str, shard: str = ""
) -> dict[str, tuple[int, str]]:
    """Return rule → (rows, one message) of what a run keeps in quarantine."""
    table = tables(schema).rejected
    query = sa.select(table.c.rule, sa.func.count().label("n"), sa.func.min(table.c.message).label("message"))
    same = (table.c.interface == interface, table.c.shard == shard, table.c.run_id == run_id)
    found = session.rows(query.where(*same).group_by(table.c.rule))
    return {str(row["rule"]): (int(row["n"]), str(row["message"] or "")) for row in found}
