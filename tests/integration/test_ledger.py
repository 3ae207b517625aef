"""The state tables: leases only one holds, checkpoints that never go back, loads that tell what happened."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from sync_provider.core.contracts import (
    REJECTED,
    ROW,
    ConnectionInfo,
    Counters,
    Plan,
    SchedulePlan,
    Session,
    SourcePlan,
    TargetPlan,
    Window,
)
from sync_provider.core.errors import BusyError, CancelledError, ConfigError
from sync_provider.core.ledger import checkpoint, lease, load, rejected, tables

NAME = "erp.crm.orders"
PLAN = Plan(
    "erp", "crm", "orders", SourcePlan("file"), TargetPlan("dwh", "orders"), "full", "append", SchedulePlan("manual")
)
TTL = timedelta(seconds=60)


@pytest.fixture(params=["sqlite", "postgres", "mariadb"])
def session(request: pytest.FixtureRequest) -> Iterator[Session]:
    opened = _open(request.getfixturevalue(request.param))
    for sql in tables.create_sql(opened.dialect, None):
        opened.script(sql)
    yield opened
    opened.close()


def _open(info: ConnectionInfo) -> Session:
    if info.type == "sqlite":
        from sync_provider.core.systems.sqlite.session import SqliteSession

        return SqliteSession(info)
    if info.type == "mysql":
        from sync_provider.core.systems.mysql.session import MySqlSession

        return MySqlSession(info)
    from sync_provider.core.systems.postgres.session import PgSession

    return PgSession(info)


def _take(session: Session, run_id: str, holder: str = "", ttl: timedelta = TTL, dead: bool = False) -> lease.Taken:
    return lease.acquire(session, None, lease.Claim(NAME, run_id, holder, ttl), is_dead=lambda _: dead)


def test_one_run_holds_it_and_its_token_rises(session: Session) -> None:
    first = _take(session, "r1")
    with pytest.raises(BusyError, match="'r1' holds the lease"):
        _take(session, "r2")
    assert _take(session, "r1").token == first.token + 1
    assert lease.read(session, None, NAME) is not None


def test_released_it_is_free(session: Session) -> None:
    token = _take(session, "r1").token
    lease.verify(session, None, NAME, token)
    lease.release(session, None, NAME, token)
    assert lease.read(session, None, NAME) is None
    with pytest.raises(CancelledError, match="lease was lost"):
        lease.verify(session, None, NAME, token)
    assert _take(session, "r2").token == 2


@pytest.mark.parametrize(("ttl", "holder", "dead"), [(timedelta(0), "", False), (TTL, "h:1:1", True)])
def test_expired_or_dead_it_is_taken_and_the_backend_told(
    session: Session, ttl: timedelta, holder: str, dead: bool
) -> None:
    first = _take(session, "r1", holder, ttl)
    lease.claim_backend(session, None, NAME, first.token, "123:then")
    taken = _take(session, "r2", dead=dead)
    assert (taken.token, taken.evicted_backend) == (first.token + 1, "123:then")
    for late in (
        lambda: lease.verify(session, None, NAME, first.token),
        lambda: lease.heartbeat(session, None, NAME, first.token, TTL),
        lambda: lease.claim_backend(session, None, NAME, first.token, "x"),
    ):
        with pytest.raises(CancelledError, match="lease was lost"):
            late()
    lease.release(session, None, NAME, first.token)
    assert lease.read(session, None, NAME) is not None, "a late release does not free the successor's lease"


def test_a_heartbeat_keeps_it(session: Session) -> None:
    token = _take(session, "r1", ttl=timedelta(0)).token
    lease.heartbeat(session, None, NAME, token, TTL)
    with pytest.raises(BusyError):
        _take(session, "r2")


def test_the_checkpoint_never_goes_back(session: Session) -> None:
    assert checkpoint.get(session, None, NAME) is None
    for value, want in [
        ("2026-01-01 10:00:00", "2026-01-01 10:00:00"),
        ("2025-01-01 10:00:00", "2026-01-01 10:00:00"),
        ("2026-01-01 10:00:00.5", "2026-01-01 10:00:00.5"),
        ("2026-01-01 10:00:00", "2026-01-01 10:00:00.5"),
    ]:
        assert checkpoint.advance(session, None, NAME, value, "r", "at") == want
        assert checkpoint.get(session, None, NAME) == want
    checkpoint.put(session, None, NAME, "2020-01-01", "state set", "at")
    assert checkpoint.get(session, None, NAME) == "2020-01-01"
    assert checkpoint.get(session, None, NAME, "at") == "2020-01-01"
    with pytest.raises(ConfigError, match="is of cursor 'at', the interface now reads by 'created'"):
        checkpoint.get(session, None, NAME, "created")
    checkpoint.reset(session, None, NAME)
    assert checkpoint.get(session, None, NAME) is None


@pytest.mark.parametrize(
    ("value", "known", "later"),
    [
        ("10", "9", False),
        ("2026-01-01T10:00:00+08:00", "2026-01-01T03:00:00+00:00", False),
        ("2026-01-01 05:00:00", "2026-01-01T00:00:00+00:00", True),
        ("2026-01-01 05:00:00", "2026-01-01T06:00:00+00:00", False),
        ("b", "a", True),
    ],
)
def test_later_means_later_in_time_where_both_are_times(value: str, known: str, later: bool) -> None:
    assert checkpoint.is_later(value, known) is later


def test_a_load_keeps_its_window_through_retries(session: Session) -> None:
    window = Window("incremental", "a", "b")
    load.start(session, None, PLAN, "r1", window, token=1)
    load.fail(session, None, NAME, "r1", "boom")
    load.start(session, None, PLAN, "r1", Window("full"), token=2, try_number=2)
    found = load.find(session, None, NAME, "r1")
    assert found == load.LoadEntry("r1", "running", window, 2)
    assert not load.committed(session, None, NAME, "r1", token=2)
    load.finish(session, None, NAME, "r1", 2, Counters(read=3, loaded=3), None)
    assert load.committed(session, None, NAME, "r1", token=2)
    assert not load.committed(session, None, NAME, "r1", token=3)
    assert load.recent(session, None, NAME)[0]["rows_loaded"] == 3
    load.fail(session, None, NAME, "r1", "too late")
    assert load.find(session, None, NAME, "r1").status == "done"  # type: ignore[union-attr]


def test_a_second_try_replaces_the_rejected_rows_of_the_first(session: Session) -> None:
    import polars as pl

    texts = {name: ["x\n'\"中", None] for name in REJECTED if name != ROW}
    frame = pl.DataFrame({"__row": [1, 2], **texts})
    assert rejected.replace(session, None, PLAN, "r1", [frame], state="new") == 2
    assert rejected.replace(session, None, PLAN, "r1", [frame.head(1)], state="new") == 1
    rejected.replace(session, None, PLAN, "r2", [frame], state="aborted")
    import sqlalchemy as sa

    table = tables.tables(None).rejected
    rows = session.rows(
        sa.select(table.c.run_id, table.c.row_number, table.c.message, table.c.state).order_by("run_id")
    )
    assert [tuple(row.values()) for row in rows] == [
        ("r1", 1, "x\n'\"中", "new"),
        ("r2", 1, "x\n'\"中", "aborted"),
        ("r2", 2, None, "aborted"),
    ]


def test_no_other_statement_is_needed_when_the_tables_are_there(session: Session) -> None:
    for sql in tables.create_sql(session.dialect, None):
        session.script(sql)
    import sqlalchemy as sa

    assert session.rows(sa.select(tables.tables(None).version)) == [{"version": tables.VERSION}]
