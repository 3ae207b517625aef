"""The right to write: take the lease, keep it alive while a stage works, give it back."""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone

from sync_provider.core.contracts import Plan, Session, Target
from sync_provider.core.engine.cancel import Cancel
from sync_provider.core.errors import BusyError, CancelledError, ConnectError, SkippedError, SyncError
from sync_provider.core.ledger import lease

log = logging.getLogger(__name__)

#: how long a lease outlives its last heartbeat; a task that waits in a queue has none
TASK_TTL = timedelta(minutes=10)


def process_ttl() -> timedelta:
    """Return how long the lease of a single-process run outlives its last heartbeat."""
    return timedelta(seconds=float(os.environ.get("SYNC_LEASE_TTL_S", "60")))


def holder() -> str:
    """Return what names this process on this machine: a dead holder's lease is free at once."""
    return f"{_machine()}:{os.getpid()}:{_started(os.getpid())}"


def is_dead(named: str) -> bool:
    """Whether `holder` named a process of this machine that is gone; False where that cannot be known."""
    host, _, rest = named.rpartition(":")[0].rpartition(":")
    started = named.rpartition(":")[2]
    if not rest.isdigit() or host != _machine():
        return False
    return _started(int(rest)) != started


def _machine() -> str:
    """Return what tells one set of process numbers from another: containers may share a host name."""
    try:
        return f"{socket.gethostname()}/{os.stat('/proc/self/ns/pid').st_ino}"
    except OSError:
        return socket.gethostname()


def _started(pid: int) -> str:
    """Return the kernel's start tick of a process (pids are used again), '' when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def acquire(plan: Plan, run_id: str, session: Session, target: Target, *, task: bool) -> int:
    """Take the lease and return its token.

    Args:
        task: whether the run is several tasks, so that no process holds it between them.

    Raises:
        BusyError: another run lives and `overlap: wait`.
        SkippedError: another run lives and `overlap: skip`.
    """
    ttl = TASK_TTL if task else process_ttl()
    asked = lease.Claim(plan.id, run_id, "" if task else holder(), ttl)
    schema, cancels = plan.target.state_schema, plan.overlap == "cancel_running"
    if stopped := lease.backend_in_the_way(session, schema, asked, is_dead, force=cancels):
        target.terminate(stopped)
    try:
        taken = lease.acquire(session, schema, asked, is_dead=is_dead)
    except BusyError as busy:
        if plan.overlap == "skip":
            raise SkippedError(busy.what, fix="nothing to do: `overlap: skip`") from busy
        if not cancels:
            raise
        taken = lease.acquire(session, schema, asked, is_dead=is_dead, force=True)
    if taken.evicted_backend:
        target.terminate(taken.evicted_backend)
    return taken.token


def take_over(plan: Plan, token: int, session: Session, target: Target) -> None:
    """Enter this connection as the one that writes; end that of an earlier try of this run, which may be stopped.

    Raises:
        CancelledError: the lease was lost.
    """
    schema = plan.target.state_schema
    row, mine = lease.read(session, schema, plan.id), session.backend()
    if row is not None and row["token"] == token and row["backend"] not in (None, "", mine):
        target.terminate(row["backend"])
    lease.claim_backend(session, schema, plan.id, token, mine)


@contextmanager
def heartbeat(plan: Plan, token: int, target: Target, cancel: Cancel, *, task: bool) -> Iterator[None]:
    """Keep the lease alive while the block runs; when it is lost, cancel the run."""
    ttl = TASK_TTL if task else process_ttl()
    stop = threading.Event()
    session = target.session()

    def beat() -> None:
        nonlocal session
        while not stop.wait(ttl.total_seconds() / 4):
            try:
                lease.heartbeat(session, plan.target.state_schema, plan.id, token, ttl)
            except CancelledError:
                cancel.request()
                return
            except ConnectError:
                session = _reopened(target, session)
            except SyncError:
                continue  # a busy SQLite file: the commit checks the token anyway

    thread = threading.Thread(target=beat, name="sync-heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        session.cancel()
        thread.join(timeout=5)
        session.close()


def _reopened(target: Target, session: Session) -> Session:
    """Return a session in place of one that was cut; the old one while the target is still away."""
    try:
        again = target.session()
    except SyncError:
        return session
    session.close()
    return again


def hold(plan: Plan, token: int, target: Target, until: datetime | None) -> None:
    """Keep the lease for a paused run until it goes on, and as long as a waiting task may take to begin."""
    at = until or datetime.now(timezone.utc)
    session = target.session()
    try:
        lease.hold(session, plan.target.state_schema, plan.id, token, at + TASK_TTL)
    finally:
        session.close()


def release(plan: Plan, token: int, target: Target) -> None:
    """Give the lease back; one that somebody else took meanwhile is left alone."""
    try:
        session = target.session()
    except SyncError:
        return  # the target is gone: the lease runs out by itself
    try:
        lease.release(session, plan.target.state_schema, plan.id, token)
    except SyncError as error:
        log.warning("the lease of %s was not given back and will run out: %s", plan.id, error)
    finally:
        session.close()
