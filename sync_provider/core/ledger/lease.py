"""The right to write one interface: one row, one holder, a token that only rises."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from sync_provider.core.contracts import Session
from sync_provider.core.errors import BusyError, CancelledError, DataError
from sync_provider.core.ledger.clock import now
from sync_provider.core.ledger.tables import tables


@dataclass(frozen=True, slots=True)
class Claim:
    """Who wants the lease.

    Args:
        holder: names the process that holds it, '' when several tasks do one after the other.
        ttl: how long it outlives the last heartbeat.
    """

    interface: str
    run_id: str
    holder: str
    ttl: timedelta
    shard: str = ""


@dataclass(frozen=True, slots=True)
class Taken:
    """A lease that was taken. evicted_backend: the connection of the holder before, to be terminated; '' = none."""

    token: int
    evicted_backend: str


def acquire(
    session: Session, schema: str | None, claim: Claim, is_dead: Callable[[str], bool], *, force: bool = False
) -> Taken:
    """Take the lease if it is free, expired, held by a dead process, or by this very run.

    Args:
        is_dead: holder → whether that process is known to be gone.
        force: take it from a run that lives.

    Raises:
        BusyError: another run holds it and lives.
    """
    table = tables(schema).lease
    _ensure_row(session, table, claim.interface, claim.shard)
    session.begin()
    try:
        if session.dialect == "postgresql":
            # nobody knows this connection yet: were we stopped here, only the server could free the row for others
            session.script("SET LOCAL idle_in_transaction_session_timeout = '20s'")
        row = _locked(session, table, claim.interface, claim.shard)
        free = force or row["run_id"] is None or row["run_id"] == claim.run_id
        if not free and row["expires_at"] > now(session) and not (row["holder"] and is_dead(row["holder"])):
            raise BusyError(
                f"interface {claim.interface!r}: run {row['run_id']!r} holds the lease until "
                f"{row['expires_at']:%Y-%m-%d %H:%M:%S} UTC",
                fix="wait for it, or set `overlap: skip` or `overlap: cancel_running`",
            )
        token = int(row["token"]) + 1
        at = now(session)
        values = {"token": token, "run_id": claim.run_id, "holder": claim.holder or None, "backend": None}
        session.run(_update(table, claim.interface, claim.shard, **values, heartbeat_at=at, expires_at=at + claim.ttl))
        session.commit()
    except BaseException:
        session.rollback()
        raise
    return Taken(token, row["backend"] or "")


def backend_in_the_way(
    session: Session, schema: str | None, claim: Claim, is_dead: Callable[[str], bool], *, force: bool = False
) -> str:
    """Return the connection of a holder from whom the lease may be taken, '' where there is none; locks nothing.

    A writer that was stopped inside a transaction may hold the very row that `acquire` must lock.
    """
    row = read(session, schema, claim.interface, claim.shard)
    if row is None or not row["backend"]:
        return ""
    over = row["expires_at"] <= now(session) or bool(row["holder"] and is_dead(row["holder"]))
    return str(row["backend"]) if force or over or row["run_id"] == claim.run_id else ""


def claim_backend(
    session: Session, schema: str | None, interface: str, token: int, backend: str, shard: str = ""
) -> None:
    """Record which connection writes, so that a successor can end it. Raises CancelledError when the lease is lost."""
    table = tables(schema).lease
    if not session.run(_update(table, interface, shard, backend=backend or None).where(table.c.token == token)):
        raise lost(interface)


def heartbeat(
    session: Session, schema: str | None, interface: str, token: int, ttl: timedelta, shard: str = ""
) -> None:
    """Say that the holder lives. Raises CancelledError when the lease is lost."""
    table, at = tables(schema).lease, now(session)
    alive = _update(table, interface, shard, heartbeat_at=at, expires_at=at + ttl).where(table.c.token == token)
    if not session.run(alive):
        raise lost(interface)


def hold(session: Session, schema: str | None, interface: str, token: int, until: datetime, shard: str = "") -> None:
    """Keep the lease for a run that no process works on, until some time. Raises CancelledError when it is lost."""
    table = tables(schema).lease
    kept = _update(table, interface, shard, holder=None, backend=None, heartbeat_at=now(session), expires_at=until)
    if not session.run(kept.where(table.c.token == token)):
        raise lost(interface)


def verify(session: Session, schema: str | None, interface: str, token: int, shard: str = "") -> None:
    """Inside the data transaction: lock the row, and raise CancelledError when the lease was taken or given back."""
    row = _locked(session, tables(schema).lease, interface, shard)
    if int(row["token"]) != token or row["run_id"] is None:
        raise lost(interface)


def is_last(session: Session, schema: str | None, interface: str, token: int, shard: str = "") -> bool:
    """Whether no other run, and no later try of the same, has taken the lease since; it may have been given back."""
    table = tables(schema).lease
    found = session.rows(sa.select(table.c.token).where(table.c.interface == interface, table.c.shard == shard))
    return bool(found) and int(found[0]["token"]) == token


def release(session: Session, schema: str | None, interface: str, token: int, shard: str = "") -> None:
    """Free the lease; one that somebody else took meanwhile is left alone."""
    table = tables(schema).lease
    free = _update(table, interface, shard, run_id=None, holder=None, backend=None, expires_at=now(session))
    session.run(free.where(table.c.token == token))


def announce_table(session: Session, schema: str | None, table: str) -> None:
    """Make the row that `lock_table` locks; outside the data transaction, so that nobody waits for it."""
    _ensure_row(session, tables(schema).lease, f"table:{table}", "")


def lock_table(session: Session, schema: str | None, table: str) -> None:
    """Inside the data transaction: let no other load of ours write into this table before it ends.

    Two interfaces may share a table; each has a lease of its own. On SQLite the file's write lock does the same.
    """
    if session.dialect != "sqlite":
        _locked(session, tables(schema).lease, f"table:{table}", "")


def read(session: Session, schema: str | None, interface: str, shard: str = "") -> dict[str, Any] | None:
    """Return the lease's row while a run holds it, else None."""
    table = tables(schema).lease
    found = session.rows(sa.select(table).where(table.c.interface == interface, table.c.shard == shard))
    return found[0] if found and found[0]["run_id"] is not None else None


def lost(interface: str) -> CancelledError:
    """Return the error of a run whose lease another run took; waiting and trying again would take it back."""
    return CancelledError(
        f"interface {interface!r}: the lease was lost to another run; nothing was committed",
        fix="clear the run from `check` on",
    )


def _update(table: sa.Table, interface: str, shard: str, **values: Any) -> sa.Update:
    return sa.update(table).where(table.c.interface == interface, table.c.shard == shard).values(values)


def _locked(session: Session, table: sa.Table, interface: str, shard: str) -> dict[str, Any]:
    """Lock and return the row. The UPDATE that changes nothing takes the lock on every system, SQLite too."""
    session.run(_update(table, interface, shard, token=table.c.token))
    return session.rows(sa.select(table).where(table.c.interface == interface, table.c.shard == shard))[0]


def _ensure_row(session: Session, table: sa.Table, interface: str, shard: str) -> None:
    same = (table.c.interface == interface, table.c.shard == shard)
    if session.rows(sa.select(table.c.token).where(*same)):
        return
    at = now(session)
    try:
        session.run(sa.insert(table).values(interface=interface, shard=shard, token=0, heartbeat_at=at, expires_at=at))
    except DataError:  # two first runs at once: the other one's row will do
        if not session.rows(sa.select(table.c.token).where(*same)):
            raise
