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
#: rows of a load that is not committed yet, beside those an earlier try of its run may have committed
STAGED = "#staged"
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
    table = tables(schema).rejected
    session.run(sa.delete(table).where(*_same(table, plan.id, run_id, shard)))
    return add(session, schema, plan, run_id, frames, state, shard)


def add(
    session: Session,
    schema: str | None,
    plan: Plan,
    run_id: str,
    frames: Iterable[pl.DataFrame],
    state: str,
    shard: str = "",
) -> int:
    """Write rejected rows beside those of the run that are there; return how many.

    Args:
        state: new | aborted | staged.
    """
    table, at, rows = tables(schema).rejected, now(session), 0
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
    found = session.rows(query.where(*_same(table, interface, run_id, shard)).group_by(table.c.rule))
    return {str(row["rule"]): (int(row["n"]), str(row["message"] or "")) for row in found}


def stage(session: Session, schema: str | None, plan: Plan, run_id: str, frames: Iterable[pl.DataFrame]) -> int:
    """Write the rejected rows of a chunk where nobody takes them for those of a run; return how many."""
    return add(session, schema, plan, run_id, frames, "staged", STAGED)


def staged(session: Session, schema: str | None, interface: str, run_id: str) -> int:
    """Return how many rejected rows the chunks of a run hold."""
    table = tables(schema).rejected
    query = sa.select(sa.func.count().label("n")).select_from(table)
    return int(session.rows(query.where(*_same(table, interface, run_id, STAGED)))[0]["n"])


def publish(session: Session, schema: str | None, interface: str, run_id: str, state: str = "new") -> None:
    """Put the rejected rows of a run's chunks in place of those an earlier try of it wrote."""
    table = tables(schema).rejected
    session.run(sa.delete(table).where(*_same(table, interface, run_id, "")))
    mine = _same(table, interface, run_id, STAGED)
    session.run(sa.update(table).where(*mine).values(shard="", state=state, created_at=now(session)))


def cut(session: Session, schema: str | None, interface: str, run_id: str, most: int) -> int:
    """Keep the first rejected rows of a run's chunks only; return how many are left."""
    table = tables(schema).rejected
    mine = _same(table, interface, run_id, STAGED)
    beyond = sa.select(table.c.row_number).where(*mine).order_by(table.c.row_number).offset(most).limit(1)
    if found := session.rows(beyond):
        session.run(sa.delete(table).where(*mine, table.c.row_number >= found[0]["row_number"]))
        return most
    return staged(session, schema, interface, run_id)


def forget(session: Session, schema: str | None, interface: str) -> None:
    """Remove the rejected rows of chunks that nobody goes on with."""
    table = tables(schema).rejected
    session.run(sa.delete(table).where(table.c.interface == interface, table.c.shard == STAGED))


def _same(table: sa.Table, interface: str, run_id: str, shard: str) -> tuple[sa.ColumnElement[bool], ...]:
    return (table.c.interface == interface, table.c.shard == shard, table.c.run_id == run_id)
