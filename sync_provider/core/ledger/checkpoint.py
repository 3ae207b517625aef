"""How far each interface is: one cursor value, as exact text."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone

import sqlalchemy as sa

from sync_provider.core.contracts import Session
from sync_provider.core.errors import ConfigError
from sync_provider.core.ledger.clock import now
from sync_provider.core.ledger.tables import tables


@dataclass(frozen=True, slots=True)
class Stored:
    """A checkpoint as it is kept. cursor: the source column whose value it is; None = not known."""

    value: str
    cursor: str | None
    run_id: str


def read(session: Session, schema: str | None, interface: str, shard: str = "") -> Stored | None:
    """Return the row, or None before the first run."""
    table = tables(schema).checkpoint
    found = session.rows(sa.select(table).where(table.c.interface == interface, table.c.shard == shard))
    return Stored(str(found[0]["value"]), found[0]["cursor"], str(found[0]["run_id"])) if found else None


def get(session: Session, schema: str | None, interface: str, cursor: str | None = None, shard: str = "") -> str | None:
    """Return the checkpoint, or None before the first run.

    Args:
        cursor: the source column it is wanted for; None = whichever it belongs to.

    Raises:
        ConfigError: it is a value of another column, which says nothing about this one.
    """
    found = read(session, schema, interface, shard)
    if found is None:
        return None
    value, of = found.value, found.cursor
    if cursor is not None and of is not None and of != cursor:
        raise ConfigError(
            f"interface {interface!r}: the checkpoint {value!r} is of cursor {of!r}, "
            f"the interface now reads by {cursor!r}",
            fix=f"`sync-provider state reset {interface}`, or `state set` it to a value of {cursor!r}",
        )
    return value


def advance(
    session: Session,
    schema: str | None,
    interface: str,
    value: str,
    run_id: str,
    cursor: str | None,
    order: str = "time",
    shard: str = "",
) -> str:
    """Move the checkpoint to `value`, never back; return what it is now.

    Args:
        order: how two values are compared, see `is_later`.
    """
    known = get(session, schema, interface, cursor, shard)
    if known is not None and not is_later(value, known, order):
        return known
    put(session, schema, interface, value, run_id, cursor, shard)
    return value


def is_later(value: str, known: str, order: str = "time") -> bool:
    """Whether one cursor value comes after another.

    Args:
        order: number, where 10 comes after 9 | text, by code points | time, where both are, else as text; of one with
            an offset and one without, which is as a person sets it, the other one is taken as UTC.
    """
    if order == "text":
        return value > known
    try:
        if order == "number":
            return int(value) > int(known)
        new, old = datetime.fromisoformat(value), datetime.fromisoformat(known)
        if new.tzinfo is None or old.tzinfo is None:
            utc = timezone.utc
            return new.replace(tzinfo=new.tzinfo or utc) > old.replace(tzinfo=old.tzinfo or utc)
        return new > old
    except ValueError:  # no times
        return value > known


def put(
    session: Session, schema: str | None, interface: str, value: str, run_id: str, cursor: str | None, shard: str = ""
) -> None:
    """Set the checkpoint, whatever it was."""
    table = tables(schema).checkpoint
    values = {"value": value, "cursor": cursor, "run_id": run_id, "updated_at": now(session)}
    same = (table.c.interface == interface) & (table.c.shard == shard)
    if not session.run(sa.update(table).where(same).values(values)):
        session.run(sa.insert(table).values(interface=interface, shard=shard, **values))


def reset(session: Session, schema: str | None, interface: str, shard: str = "") -> None:
    """Forget the checkpoint: the next run reads everything."""
    table = tables(schema).checkpoint
    session.run(sa.delete(table).where(table.c.interface == interface, table.c.shard == shard))
