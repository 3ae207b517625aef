"""Checkpoints changed by a person: set, forgotten, copied; never while a run holds the interface."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timezone

from sync_provider.core.contracts import ConnectionLookup, Plan, Session, Target
from sync_provider.core.engine import guard
from sync_provider.core.engine.administration import target_session
from sync_provider.core.engine.settling import state_tables
from sync_provider.core.errors import BusyError, ConfigError
from sync_provider.core.ledger import checkpoint, lease

#: who changed which checkpoint; the row in the target names them too, until a run moves it on
audit = logging.getLogger("sync_provider.audit")


@dataclass(frozen=True, slots=True)
class Change:
    """One checkpoint that was changed, or would be.

    Args:
        before, after: cursor values; None = none, the next run reads everything.
        origin: the interface it was copied from; '' otherwise.
    """

    interface: str
    before: str | None
    after: str | None
    origin: str = ""

    def to_json(self) -> dict[str, str | None]:
        """Return plain JSON values."""
        return asdict(self)


def set_checkpoint(
    plan: Plan, connections: ConnectionLookup, value: str | None, by: str = "", *, dry: bool = False
) -> Change:
    """Set the checkpoint, or forget it (None): the next run then reads everything.

    Args:
        by: who wants it.
        dry: only say what would change.

    Raises:
        BusyError: a run holds the interface, and would move its checkpoint when it ends.
    """
    with target_session(plan, connections) as (target, session):
        change = Change(plan.id, _known(plan, session, target), value)
        if not dry:
            _write(plan, session, target, change, "state set" if value is not None else "state reset", by)
    return change


def copy_checkpoint(
    plan: Plan,
    connections: ConnectionLookup,
    origin: Plan | str,
    by: str = "",
    *,
    force: bool = False,
    dry: bool = False,
) -> Change:
    """Let one interface go on where another one is: after a rename, a split, a move to another target.

    Args:
        origin: the other one's plan; its id where it is no longer configured: then it is looked for in this target.
        force: overwrite a checkpoint that is there.

    Raises:
        ConfigError: there is nothing to copy, or it is of another cursor, or something is there already.
        BusyError: a run holds one of the two.
    """
    if plan.increment is None:
        raise ConfigError(f"{plan.id}: reads everything at each run and has no checkpoint")
    source = plan if isinstance(origin, str) else origin
    name = origin if isinstance(origin, str) else origin.id
    if name == plan.id and source.target == plan.target:
        raise ConfigError(f"{plan.id}: cannot be copied to itself", fix="name the interface it comes from first")
    with target_session(source, connections) as (target, session):
        found = _stored(source, session, target, name)
    if found.cursor != plan.increment.cursor:
        raise ConfigError(
            f"{name}: its checkpoint {found.value!r} is of cursor {found.cursor!r}, "
            f"{plan.id} reads by {plan.increment.cursor!r}",
            fix=f"set it by hand: `sync-provider state set {plan.id} <a value of {plan.increment.cursor}>`",
        )
    with target_session(plan, connections) as (target, session):
        change = Change(plan.id, _known(plan, session, target), found.value, name)
        if change.before is not None and not force:
            raise ConfigError(
                f"{plan.id}: has a checkpoint of its own, {change.before!r}", fix="overwrite it with --force"
            )
        if not dry:
            _write(plan, session, target, change, f"state copy {name}", by)
    return change


def _known(plan: Plan, session: Session, target: Target) -> str | None:
    """Return the checkpoint as it is; reads only."""
    if target.describe(plan.target.state_schema, "_sync_checkpoint") is None:
        return None
    _refuse_busy(plan, session, plan.id)
    return checkpoint.get(session, plan.target.state_schema, plan.id)


def _stored(plan: Plan, session: Session, target: Target, name: str) -> checkpoint.Stored:
    schema = plan.target.state_schema
    there = target.describe(schema, "_sync_checkpoint") is not None
    found = checkpoint.read(session, schema, name) if there else None
    if found is None:
        where = f"connection {plan.target.connection!r}, schema {schema or '(default)'}"
        raise ConfigError(f"{name}: has no checkpoint in {where}", fix="see them with `sync-provider state show`")
    _refuse_busy(plan, session, name)
    return found


def _refuse_busy(plan: Plan, session: Session, name: str) -> None:
    row = lease.read(session, plan.target.state_schema, name)
    if row is None or guard.is_dead(row["holder"] or "") or row["expires_at"] <= datetime.now(timezone.utc):
        return
    raise BusyError(
        f"interface {name!r}: run {row['run_id']!r} holds the lease and may move the checkpoint when it ends",
        fix="wait for it, or stop it first",
    )


def _write(plan: Plan, session: Session, target: Target, change: Change, what: str, by: str) -> None:
    """Change the row under the interface's lease: a run that starts meanwhile waits, one that ended late is refused."""
    state_tables(plan, session, target)
    schema, said = plan.target.state_schema, f"{what} by {by}" if by else what
    with _leased(plan, session, said) as token:
        session.begin()
        lease.verify(session, schema, plan.id, token)
        if change.after is None:
            checkpoint.reset(session, schema, plan.id)
        else:
            cursor = plan.increment.cursor if plan.increment else None
            checkpoint.put(session, schema, plan.id, change.after, said, cursor)
        session.commit()
    audit.info("%s: checkpoint %s -> %s (%s)", plan.id, change.before, change.after, said)


@contextmanager
def _leased(plan: Plan, session: Session, said: str) -> Iterator[int]:
    claim = lease.Claim(plan.id, said, guard.holder(), guard.process_ttl())
    token = lease.acquire(session, plan.target.state_schema, claim, is_dead=guard.is_dead).token
    try:
        yield token
    except BaseException:
        session.rollback()
        raise
    finally:
        lease.release(session, plan.target.state_schema, plan.id, token)
