"""The ledger: what each run was to read, and what came of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

import sqlalchemy as sa

from sync_provider.core.contracts import Counters, Plan, Session, Window
from sync_provider.core.ledger.clock import now
from sync_provider.core.ledger.tables import tables


@dataclass(frozen=True, slots=True)
class LoadEntry:
    """One run in the ledger. status: running | done | failed."""

    run_id: str
    status: str
    window: Window
    token: int


def find(session: Session, schema: str | None, interface: str, run_id: str, shard: str = "") -> LoadEntry | None:
    """Return a run's entry, or None when the run was never settled."""
    table = tables(schema).load
    found = session.rows(sa.select(table).where(*_same(table, interface, shard), table.c.run_id == run_id))
    if not found:
        return None
    row = found[0]
    window = Window(row["kind"], row["since"], row["until"], row["checkpoint"])
    return LoadEntry(run_id, row["status"], window, int(row["token"]))


def start(
    session: Session,
    schema: str | None,
    plan: Plan,
    run_id: str,
    window: Window,
    token: int,
    try_number: int = 1,
    shard: str = "",
) -> None:
    """Enter a run, or a new try of it. A run that was done stays `done` until its rows are replaced."""
    table = tables(schema).load
    values = {"token": token, "try_number": try_number, "config_hash": plan.config_hash}
    same = (*_same(table, plan.id, shard), table.c.run_id == run_id)
    if session.run(sa.update(table).where(*same).values(values)):
        session.run(sa.update(table).where(*same, table.c.status == "failed").values(status="running", error=None))
        return
    values |= {"interface": plan.id, "shard": shard, "run_id": run_id, "status": "running", "started_at": now(session)}
    values |= asdict(window)
    session.run(sa.insert(table).values(values))


def finish(
    session: Session,
    schema: str | None,
    interface: str,
    run_id: str,
    token: int,
    counters: Counters,
    checkpoint_before: str | None,
    shard: str = "",
) -> None:
    """Mark a run done, with its counts; inside the data transaction."""
    table = tables(schema).load
    values: dict[str, Any] = {f"rows_{name}": count for name, count in asdict(counters).items()}
    values |= {"status": "done", "done_token": token, "checkpoint_before": checkpoint_before}
    values |= {"error": None, "ended_at": now(session)}
    session.run(sa.update(table).where(*_same(table, interface, shard), table.c.run_id == run_id).values(values))


def fail(session: Session, schema: str | None, interface: str, run_id: str, error: str, shard: str = "") -> None:
    """Mark a run failed, unless it had committed before."""
    table = tables(schema).load
    same = (*_same(table, interface, shard), table.c.run_id == run_id, table.c.status == "running")
    session.run(sa.update(table).where(*same).values(status="failed", error=error, ended_at=now(session)))


def committed(session: Session, schema: str | None, interface: str, run_id: str, token: int, shard: str = "") -> bool:
    """Whether the transaction of this run under this token committed: asked when the connection was lost in COMMIT."""
    table = tables(schema).load
    same = (*_same(table, interface, shard), table.c.run_id == run_id)
    found = session.rows(sa.select(table.c.status, table.c.done_token).where(*same))
    return bool(found) and found[0]["status"] == "done" and found[0]["done_token"] == token


def done_beside(session: Session, schema: str | None, interface: str, run_id: str, shard: str = "") -> bool:
    """Whether another run is done; where this one is done too, whether another one was done after it."""
    table = tables(schema).load
    same = _same(table, interface, shard)
    own = session.rows(sa.select(table.c.status, table.c.ended_at).where(*same, table.c.run_id == run_id))
    query = sa.select(table.c.run_id).where(*same, table.c.run_id != run_id, table.c.status == "done").limit(1)
    if own and own[0]["status"] == "done":
        query = query.where(table.c.ended_at > own[0]["ended_at"])
    return bool(session.rows(query))


def done_with(
    session: Session, schema: str | None, interface: str, config_hash: str, run_id: str, shard: str = ""
) -> str | None:
    """Return the run before, of more than a range that was asked for, where a version of the configuration made it.

    A run of this version that one of another followed does not count: what is in the target is of the other.
    """
    table = tables(schema).load
    query = sa.select(table.c.run_id, table.c.config_hash).where(
        *_same(table, interface, shard), table.c.run_id != run_id, table.c.status == "done",
        table.c.kind.in_(("full", "incremental")),
    )  # fmt: skip
    found = session.rows(query.order_by(table.c.ended_at.desc()).limit(1))
    return str(found[0]["run_id"]) if found and found[0]["config_hash"] == config_hash else None


def counted(session: Session, schema: str | None, interface: str, run_id: str, shard: str = "") -> Counters:
    """Return what a run that is done counted."""
    table = tables(schema).load
    row = session.rows(sa.select(table).where(*_same(table, interface, shard), table.c.run_id == run_id))[0]
    return Counters(**{field.name: int(row[f"rows_{field.name}"] or 0) for field in fields(Counters)})


def recent(
    session: Session, schema: str | None, interface: str, limit: int = 5, shard: str = ""
) -> list[dict[str, Any]]:
    """Return the newest runs, newest first."""
    table = tables(schema).load
    query = sa.select(table).where(*_same(table, interface, shard)).order_by(table.c.started_at.desc()).limit(limit)
    return session.rows(query)


def _same(table: sa.Table, interface: str, shard: str) -> tuple[sa.ColumnElement[bool], ...]:
    return (table.c.interface == interface, table.c.shard == shard)
