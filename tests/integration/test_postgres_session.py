"""PgSession against a real server: values, COPY both ways, cancel, errors, processes."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timezone

import pytest
import sqlalchemy as sa

from sync_provider.core.contracts import ConnectionInfo
from sync_provider.core.errors import (
    AuthenticationError,
    CancelledError,
    ConfigError,
    ConnectError,
    ContractError,
    DataError,
    ResourceError,
    SyncError,
)
from sync_provider.core.systems.postgres.session import PgSession

_META = sa.MetaData()
_T = sa.Table(
    "t 表",
    _META,
    sa.Column("a", sa.Text),
    sa.Column("b", sa.BigInteger),
    sa.Column("c", sa.DateTime(timezone=True)),
    sa.Column("d", sa.Boolean),
)
_MAKE = 'CREATE TABLE "t 表" (a text, b bigint, c timestamptz, d boolean)'


@pytest.fixture
def session(postgres: ConnectionInfo) -> Iterator[PgSession]:
    opened = PgSession(postgres, interface="shop.crm.orders")
    yield opened
    opened.close()


def test_statements_carry_values_and_counts(session: PgSession) -> None:
    at = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=timezone.utc)
    session.script(_MAKE)
    session.begin()
    two = [{"a": "x'; --", "b": 2**40, "c": at, "d": True}, {"a": "y", "b": 1, "c": None, "d": None}]
    assert session.run(sa.insert(_T).values(two)) == 2
    assert session.run(sa.update(_T).values(b=_T.c.b + 1).where(_T.c.a.in_(["y", "z"]))) == 1
    session.commit()
    rows = session.rows(sa.select(_T).order_by(_T.c.b))
    assert rows == [{"a": "y", "b": 2, "c": None, "d": None}, {"a": "x'; --", "b": 2**40, "c": at, "d": True}]
    assert rows[1]["c"].utcoffset().total_seconds() == 0


def test_a_session_says_who_it_is_and_what_it_set(session: PgSession, postgres: ConnectionInfo) -> None:
    names = ("application_name", "timezone", "lock_timeout", "tcp_user_timeout", "extra_float_digits")
    said = {name: session.fetch(f"SHOW {name}")[0][name.replace("timezone", "TimeZone")] for name in names}
    assert said == {
        "application_name": "sync-provider shop.crm.orders",
        "timezone": "UTC",
        "lock_timeout": "1min",
        "tcp_user_timeout": "60000",
        "extra_float_digits": "1",
    }
    pid, _, start = session.backend().partition(":")
    assert int(pid) > 0
    assert start.startswith("20")
    info = replace(postgres, extra={"options": "-c lock_timeout=5s --statement-timeout=7s", "sslmode": "disable"})
    with_options = PgSession(info)
    assert with_options.fetch("SHOW lock_timeout")[0]["lock_timeout"] == "5s"
    assert with_options.fetch("SHOW statement_timeout")[0]["statement_timeout"] == "7s"
    with_options.close()


def test_copy_out_and_in_give_the_same_bytes(session: PgSession) -> None:
    session.script("CREATE TABLE a (n bigint, x text); CREATE TABLE b (n bigint, x text)")
    session.script("INSERT INTO a SELECT g, nullif(repeat('ü\n\"', g % 50), '') FROM generate_series(1, 50000) g")
    for form in ("csv", "binary"):
        session.script("TRUNCATE b")
        blocks = list(session.copy_out("SELECT n, x FROM a ORDER BY n", format=form))
        assert len(blocks) > 2
        assert all(len(block) < 3 << 20 for block in blocks)
        assert session.copy_in("b", None, ["n", "x"], blocks, format=form) == 50000
        assert session.fetch("SELECT count(*) AS n FROM (TABLE a EXCEPT TABLE b) d") == [{"n": 0}]


def test_csv_blocks_end_on_row_ends(session: PgSession) -> None:
    sql = "SELECT g, repeat('x', 2000) FROM generate_series(1, 5000) g"
    numbers = [line.partition(b",")[0] for block in session.copy_out(sql) for line in block.splitlines()]
    assert numbers == [str(g).encode() for g in range(1, 5001)]


def test_closing_copy_out_stops_the_server(session: PgSession, postgres: ConnectionInfo) -> None:
    blocks = session.copy_out("SELECT repeat('x', 1000) FROM generate_series(1, 100000000)")
    next(blocks)
    started = time.monotonic()
    blocks.close()
    assert time.monotonic() - started < 2
    assert session.fetch("SELECT 1 AS one") == [{"one": 1}]


def test_the_server_waits_for_a_slow_reader(session: PgSession, postgres: ConnectionInfo) -> None:
    other = PgSession(postgres)
    blocks = session.copy_out("SELECT repeat('x', 1000) FROM generate_series(1, 300000)")
    next(blocks)
    time.sleep(0.5)
    waits = other.fetch("SELECT wait_event FROM pg_stat_activity WHERE query LIKE 'COPY%' AND pid <> pg_backend_pid()")
    assert waits == [{"wait_event": "ClientWrite"}]
    assert sum(len(block) for block in blocks) > 290_000_000
    other.close()


def test_a_failing_block_iterator_leaves_no_rows(session: PgSession) -> None:
    session.script("CREATE TABLE a (n bigint)")

    def blocks() -> Iterator[bytes]:
        yield b"1\n"
        raise KeyError("encoder broke")

    with pytest.raises(KeyError):
        session.copy_in("a", None, ["n"], blocks())
    assert session.fetch("SELECT count(*) AS n FROM a") == [{"n": 0}]


def test_a_refused_row_ends_copy_in_and_tells_its_line(session: PgSession) -> None:
    session.script("CREATE TABLE a (n bigint)")
    with pytest.raises(DataError, match=r'bigint: "x" \(SQLSTATE 22P02\)') as caught:
        session.copy_in("a", None, ["n"], (b"1\nx\n" for _ in range(1000)))
    assert "line 2" in caught.value.__cause__.context


def _cancel_soon(session: PgSession, after_s: float = 0.3) -> list[float]:
    at: list[float] = []

    def go() -> None:
        time.sleep(after_s)
        at.append(time.monotonic())
        session.cancel()

    threading.Thread(target=go).start()
    return at


def _blocks_for_ever() -> Iterator[bytes]:
    while True:
        yield b"1\n" * 1000


def _stalled() -> Iterator[bytes]:
    yield b"1\n"
    while True:
        time.sleep(0.05)
        yield b""


_WORK: dict[str, Callable[[PgSession], object]] = {
    "sleep": lambda session: session.script("SELECT pg_sleep(30)"),
    "copy_out": lambda session: list(session.copy_out("SELECT pg_sleep(30)")),
    "copy_in": lambda session: session.copy_in("a", None, ["n"], _blocks_for_ever()),
    "stalled copy_in": lambda session: session.copy_in("a", None, ["n"], _stalled()),
    "locked copy_in": lambda session: session.copy_in("a", None, ["n"], _blocks_for_ever()),
}


@pytest.mark.parametrize("what", list(_WORK))
def test_cancel_stops_the_server_within_two_seconds(session: PgSession, postgres: ConnectionInfo, what: str) -> None:
    other = PgSession(postgres)
    session.script("CREATE TABLE a (n bigint)")
    if what.startswith("locked"):
        other.script("BEGIN; LOCK TABLE a IN ACCESS EXCLUSIVE MODE")
    at = _cancel_soon(session)
    with pytest.raises(CancelledError):
        _WORK[what](session)
    session.rollback()
    assert time.monotonic() - at[0] < 2
    with pytest.raises(CancelledError):
        session.script("SELECT 1")
    active = "FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid() AND datname = current_database()"
    assert other.fetch(f"SELECT count(*) AS n {active}") == [{"n": 0}]
    other.close()


@pytest.mark.parametrize(
    ("change", "kind", "text"),
    [
        ({"password": "wrong-s3cret"}, AuthenticationError, "postgres connection '{id}': login 'sync' refused by "),
        ({"login": "nobody"}, AuthenticationError, "(SQLSTATE 28P01)"),
        ({"schema": "nowhere"}, ConfigError, '"nowhere" does not exist (SQLSTATE 3D000)'),
        ({"port": 1}, ConnectError, "127.0.0.1:1: "),
        ({"extra": {"sslmode": "require"}}, ConnectError, "SSL"),
        ({"host": "no-such-host.invalid"}, ConnectError, "no-such-host.invalid"),
    ],
)
def test_connect_errors_are_told_apart(
    postgres: ConnectionInfo, change: dict[str, object], kind: type[SyncError], text: str
) -> None:
    with pytest.raises(kind) as caught:
        PgSession(replace(postgres, **change))
    said = str(caught.value)
    assert text.format(id=postgres.id) in said
    assert "s3cret" not in said
    assert "fix:" in said


@pytest.mark.parametrize(
    ("sql", "kind", "code"),
    [
        ("SELECT 1/0", DataError, "22012"),
        ("SELECT * FROM nowhere", ConfigError, "42P01"),
        ("SELECT nothing", ConfigError, "42703"),
        ("SET statement_timeout = '10ms'; SELECT pg_sleep(5)", ResourceError, "57014"),
        ("DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '53100'; END $$", ResourceError, "53100"),
        ("DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '42501'; END $$", AuthenticationError, "42501"),
    ],
)
def test_statement_errors_are_told_apart(session: PgSession, sql: str, kind: type[SyncError], code: str) -> None:
    with pytest.raises(kind) as caught:
        session.script(sql)
    assert caught.value.code == code
    assert f"(SQLSTATE {code})" in str(caught.value)


def test_an_ended_connection_is_a_connect_error(session: PgSession) -> None:
    with pytest.raises(ConnectError):
        session.script("SELECT pg_terminate_backend(pg_backend_pid())")
    with pytest.raises(ConnectError, match="connection"):
        session.script("SELECT 1")
    session.rollback()


def test_lock_timeout_is_a_resource_error(session: PgSession, postgres: ConnectionInfo) -> None:
    other = PgSession(postgres, settings={"lock_timeout": "100ms"})
    session.script("CREATE TABLE a (n bigint)")
    session.script("BEGIN; LOCK TABLE a")
    with pytest.raises(ResourceError, match="55P03"):
        other.script("INSERT INTO a VALUES (1)")
    other.close()


def test_commit_after_a_failed_statement_says_so(session: PgSession) -> None:
    session.begin()
    with pytest.raises(DataError):
        session.script("SELECT 1/0")
    with pytest.raises(ContractError, match="ROLLBACK"):
        session.commit()


def test_a_closed_session_says_so(session: PgSession) -> None:
    session.close()
    session.close()
    session.rollback()
    with pytest.raises(ContractError, match="closed"):
        session.script("SELECT 1")


def test_a_fork_gets_its_own_loop_and_exit_is_silent(postgres: ConnectionInfo) -> None:
    program = textwrap.dedent("""
        import os, sys
        from sync_provider.core.contracts import ConnectionInfo
        from sync_provider.core.errors import ContractError
        from sync_provider.core.systems.postgres.session import PgSession
        port, login, database = sys.argv[1:]
        info = ConnectionInfo("t", "postgres", "127.0.0.1", int(port), login, os.environ["PW"], database)
        parent = PgSession(info)
        child = os.fork()
        if child == 0:
            own = PgSession(info)
            assert own.fetch("SELECT 1 AS one") == [{"one": 1}]
            try:
                parent.script("SELECT 1")
            except ContractError:
                print("refused", flush=True)
            parent.close()
            sys.exit(0)
        assert os.waitpid(child, 0)[1] == 0
        assert parent.fetch("SELECT 2 AS two") == [{"two": 2}]
        print("alive", flush=True)
    """)
    arguments = [str(postgres.port), str(postgres.login), str(postgres.schema)]
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-c", program, *arguments],
        env={**os.environ, "PW": str(postgres.password)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout.split()) == (0, ["refused", "alive"]), done.stderr
    assert "Error" not in done.stderr
    assert "destroyed" not in done.stderr
