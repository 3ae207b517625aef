"""SqliteSession on a real file: values, locks, cancel, errors."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
import sqlalchemy as sa

from sync_provider.core.contracts import ConnectionInfo
from sync_provider.core.errors import (
    AuthenticationError,
    CancelledError,
    ConfigError,
    ContractError,
    DataError,
    ResourceError,
    SyncError,
)
from sync_provider.core.systems.sqlite.session import SqliteSession

_T = sa.Table(
    "t 表",
    sa.MetaData(),
    sa.Column("a", sa.Text),
    sa.Column("b", sa.BigInteger),
    sa.Column("c", sa.DateTime(timezone=True)),
    sa.Column("d", sa.Boolean),
)
_MAKE = 'CREATE TABLE "t 表" (a text, b bigint, c timestamptz, d boolean)'


@pytest.fixture
def session(sqlite: ConnectionInfo) -> Iterator[SqliteSession]:
    opened = SqliteSession(sqlite)
    yield opened
    opened.close()


def test_statements_carry_values_and_counts(session: SqliteSession) -> None:
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=8)))
    session.script(_MAKE)
    session.begin()
    two = [{"a": "x'; --", "b": 2**40, "c": at, "d": True}, {"a": "y", "b": 1, "c": None, "d": None}]
    assert session.run(sa.insert(_T).values(two)) == 2
    assert session.run(sa.update(_T).values(b=_T.c.b + 1).where(_T.c.a.in_(["y", "z"]))) == 1
    session.commit()
    rows = session.rows(sa.select(_T).where(_T.c.c > at - timedelta(seconds=1)))
    assert rows == [{"a": "x'; --", "b": 2**40, "c": at, "d": True}]
    assert rows[0]["c"].utcoffset() == timedelta(0)
    assert rows[0]["d"] is True
    assert session.rows(sa.select(sa.func.count().label("n")).select_from(_T)) == [{"n": 2}]


def test_rollback_leaves_nothing(session: SqliteSession) -> None:
    session.script("CREATE TABLE t (n)")
    session.begin()
    session.execute("INSERT INTO t VALUES (?)", [1])
    session.rollback()
    session.rollback()
    assert session.fetch("SELECT * FROM t") == []


def test_the_path_may_stand_in_schema(sqlite: ConnectionInfo) -> None:
    SqliteSession(sqlite).close()
    info = replace(sqlite, host=None, schema=sqlite.host)
    assert SqliteSession(info, read_only=True).fetch("SELECT 1 AS one") == [{"one": 1}]


def test_reading_comes_in_pieces(session: SqliteSession) -> None:
    session.script("CREATE TABLE t (n)")
    session.many("INSERT INTO t VALUES (?)", [(n,) for n in range(25)])
    assert [len(rows) for rows in session.read("SELECT n FROM t", size=10)] == [10, 10, 5]


def test_a_writer_waits_for_another(session: SqliteSession, sqlite: ConnectionInfo) -> None:
    other = SqliteSession(sqlite)
    session.script("CREATE TABLE t (n)")
    session.begin()
    session.execute("INSERT INTO t VALUES (1)")
    timer = threading.Timer(0.5, session.commit)
    timer.start()
    other.execute("INSERT INTO t VALUES (2)")
    timer.join()
    assert other.fetch("SELECT n FROM t ORDER BY n") == [{"n": 1}, {"n": 2}]
    other.close()


def test_staging_does_not_take_the_write_lock(session: SqliteSession, sqlite: ConnectionInfo) -> None:
    other = SqliteSession(sqlite, busy_s=0)
    session.script("CREATE TABLE t (n)")
    session.begin()
    session.script("CREATE TEMP TABLE s (n)")
    session.many("INSERT INTO temp.s VALUES (?)", [(1,)])
    other.execute("INSERT INTO t VALUES (2)")
    session.execute("DELETE FROM t WHERE false")
    with pytest.raises(ResourceError, match="locked"):
        other.execute("INSERT INTO t VALUES (3)")
    session.execute("INSERT INTO t SELECT n FROM temp.s")
    session.commit()
    assert other.fetch("SELECT n FROM t ORDER BY n") == [{"n": 1}, {"n": 2}]
    other.close()


_ENDLESS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT sum(x) FROM n"
_WORK: dict[str, Callable[[SqliteSession], object]] = {
    "query": lambda session: session.fetch(_ENDLESS),
    "locked": lambda session: session.execute("INSERT INTO t VALUES (1)"),
}


@pytest.mark.parametrize("what", list(_WORK))
def test_cancel_is_heard_within_two_seconds(session: SqliteSession, sqlite: ConnectionInfo, what: str) -> None:
    other = SqliteSession(sqlite)
    session.script("CREATE TABLE t (n)")
    if what == "locked":
        other.begin()
        other.execute("INSERT INTO t VALUES (1)")
    started = time.monotonic()
    threading.Timer(0.3, session.cancel).start()
    with pytest.raises(CancelledError):
        _WORK[what](session)
    assert time.monotonic() - started < 2
    session.rollback()
    with pytest.raises(CancelledError):
        session.fetch("SELECT 1")
    other.close()


@pytest.mark.parametrize(
    ("name", "kind", "text"),
    [
        ("no/such/x.db", ConfigError, "no/such does not exist"),
        ("", ConfigError, "no file is named"),
        ("folder", ConfigError, "is a folder"),
        ("text.db", ConfigError, "file is not a database"),
    ],
)
def test_a_wrong_place_is_told(tmp_path: Path, name: str, kind: type[SyncError], text: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "text.db").write_text("id,name\n" * 100)
    with pytest.raises(kind, match=text):
        SqliteSession(ConnectionInfo("demo", "sqlite", host=str(tmp_path / name) if name else None))


def test_a_source_never_makes_a_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        SqliteSession(ConnectionInfo("demo", "sqlite", host=str(tmp_path / "x.db")), read_only=True)
    assert list(tmp_path.iterdir()) == []


def test_statement_errors_are_told_apart(session: SqliteSession) -> None:
    session.script("CREATE TABLE t (n int NOT NULL UNIQUE CHECK (n > 0))")
    cases: list[tuple[str, type[SyncError]]] = [
        ("INSERT INTO t VALUES (NULL)", DataError),
        ("INSERT INTO t VALUES (0)", DataError),
        ("SELECT * FROM nowhere", ConfigError),
        ("SELECT nothing FROM t", ConfigError),
        ("SELEC 1", ConfigError),
    ]
    for sql, kind in cases:
        with pytest.raises(kind):
            session.execute(sql)
    with pytest.raises(DataError, match="too large"):
        session.execute("INSERT INTO t VALUES (?)", [2**70])


def test_a_read_only_session_refuses_to_write(sqlite: ConnectionInfo, session: SqliteSession) -> None:
    session.script("CREATE TABLE t (n)")
    with pytest.raises(AuthenticationError, match="readonly"):
        SqliteSession(sqlite, read_only=True).execute("INSERT INTO t VALUES (1)")


def test_a_session_stays_in_its_process(session: SqliteSession) -> None:
    child = os.fork()
    if child == 0:
        try:
            session.fetch("SELECT 1")
        except ContractError:
            os._exit(7)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
