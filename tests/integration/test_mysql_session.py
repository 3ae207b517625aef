"""The session on a real MariaDB: strict, in UTC, classified, cancelled on the server."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
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
    DataError,
    ResourceError,
    SyncError,
)
from sync_provider.core.systems.mysql.session import MySqlSession
from sync_provider.core.systems.mysql.types import column_type, table_columns
from sync_provider.core.targets.mysql import TARGET
from tests.services.mariadb import execute
from tests.services.processes import wait_for

_AT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=timezone.utc)


@pytest.fixture
def session(mariadb: ConnectionInfo) -> Iterator[MySqlSession]:
    opened = MySqlSession(mariadb, local_infile=True)
    yield opened
    opened.close()


def test_quotes_texts_and_times_are_those_of_standard_sql(session: MySqlSession) -> None:
    row = session.fetch("""SELECT 'a\\b' AS "x ""y", 'it''s' || '!' AS t, now(6) AS n, @@session.time_zone AS z""")[0]
    assert (row['x "y'], row["t"], row["z"]) == ("a\\b", "it's!", "+00:00")
    assert abs((datetime.now(timezone.utc).replace(tzinfo=None) - row["n"]).total_seconds()) < 60


def test_statements_of_core_and_aware_times(session: MySqlSession) -> None:
    table = sa.Table("t", sa.MetaData(), sa.Column("per%cent", sa.Text), sa.Column("at", sa.DateTime(timezone=True)),
                     sa.Column("ok", sa.Boolean))  # fmt: skip
    session.script("CREATE TABLE t (`per%cent` varchar(20), at datetime(6), ok boolean)")
    odd = "100% %s \\ '\" 中😀\0"
    assert session.run(sa.insert(table).values([{"per%cent": odd, "at": _AT, "ok": True}])) == 1
    assert session.run(sa.update(table).where(table.c.at == _AT).values(ok=True)) == 1, "found, though not changed"
    assert session.rows(sa.select(table)) == [{"per%cent": odd, "at": _AT, "ok": 1}]
    assert session.rows(sa.select(table.c.at).where(table.c["per%cent"] == "none")) == []


@pytest.mark.parametrize(
    ("sql", "kind", "code"),
    [
        ("SELECT * FROM nowhere", ConfigError, "1146"),
        ("SELEC 1", ConfigError, "1064"),
        ("INSERT INTO t VALUES (1, 'too long')", DataError, "1406"),
        ("INSERT INTO t VALUES (99999, 'a')", DataError, "1264"),
        ("INSERT INTO t VALUES ('x', 'a')", DataError, "1366"),
        ("INSERT INTO t VALUES (1, 'a'), (1, 'b')", DataError, "1062"),
        ("INSERT INTO t VALUES (NULL, 'a')", DataError, "1048"),
        ("INSERT INTO t VALUES (5, 'no')", DataError, "4025"),
        ("INSERT INTO t VALUES (6, 1/0)", DataError, "1365"),
        ("INSERT INTO t VALUES (7, 'sig')", DataError, "1644"),
        ("SET SESSION max_statement_time = 0.1; ", None, ""),
        ("SELECT sleep(5) FROM t", ResourceError, "1969"),
    ],
)
def test_errors_are_classified(session: MySqlSession, sql: str, kind: type[SyncError] | None, code: str) -> None:
    session.script("CREATE TABLE t (a smallint PRIMARY KEY, b varchar(3), CHECK (b <> 'no'))")
    session.script(
        "CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW "
        "IF new.b = 'sig' THEN SIGNAL SQLSTATE '45000' SET message_text = 'not today'; END IF"
    )
    session.script("INSERT INTO t VALUES (100, 'a')")
    if kind is None:
        session.script(sql.rstrip("; "))
        return
    session.script("SET SESSION max_statement_time = 0.5")
    with pytest.raises(kind) as caught:
        session.script(sql)
    assert caught.value.code == code
    assert caught.value.fix


def test_logins_names_and_addresses(mariadb: ConnectionInfo) -> None:
    for wrong, kind in (
        (replace(mariadb, password="wr0ng-s3cret"), AuthenticationError),
        (replace(mariadb, schema="nowhere"), ConfigError),
        (replace(mariadb, port=1), ConnectError),
        (replace(mariadb, host="no-such-host.invalid"), ConnectError),
        (replace(mariadb, extra={"ssl_mode": "REQUIRED"}), ConnectError),
    ):
        with pytest.raises(kind) as caught:
            MySqlSession(wrong)
        assert "s3cret" not in f"{caught.value!r} {caught.value}"


def test_a_lock_is_not_waited_for_for_ever(mariadb: ConnectionInfo, session: MySqlSession) -> None:
    session.script("CREATE TABLE t (a int PRIMARY KEY)")
    session.script("INSERT INTO t VALUES (1)")
    session.begin()
    session.script("UPDATE t SET a = 2")
    other = MySqlSession(mariadb, settings={"innodb_lock_wait_timeout": "1"})
    with pytest.raises(ResourceError, match="Lock wait timeout"):
        other.script("UPDATE t SET a = 3")
    other.close()


def test_a_cancel_stops_the_server_too(mariadb: ConnectionInfo, session: MySqlSession) -> None:
    session.script("CREATE TABLE t (a int)")
    session.begin()
    session.script("INSERT INTO t VALUES (1)")
    threading.Timer(0.3, session.cancel).start()
    started = time.monotonic()
    with pytest.raises(CancelledError):
        session.fetch("SELECT sleep(30)")
    assert time.monotonic() - started < 2
    running = "SELECT count(*) FROM information_schema.processlist WHERE info LIKE 'SELECT sleep%'"
    wait_for(lambda: execute(mariadb, running) == [(0,)], 2, "the statement ends on the server")
    with pytest.raises(CancelledError):
        session.fetch("SELECT 1")
    session.rollback()
    assert execute(mariadb, "SELECT count(*) FROM t") == [(0,)]


def test_reading_is_stopped_in_the_middle(session: MySqlSession) -> None:
    rows = session.read("SELECT seq, repeat('x', 100) FROM seq_1_to_50000000")
    assert next(rows)[0] == (b"1", b"x" * 100)
    started = time.monotonic()
    rows.close()
    assert time.monotonic() - started < 2
    assert session.fetch("SELECT 1 AS one") == [{"one": 1}]


def test_a_killed_connection_is_a_lost_one(mariadb: ConnectionInfo, session: MySqlSession) -> None:
    session.script("CREATE TABLE t (a int)")
    backend = session.backend()
    session.begin()
    session.script("INSERT INTO t VALUES (1)")
    target = TARGET.open(mariadb)
    number = backend.partition(":")[0]
    target.terminate(f"{number}:sync somebody else's")
    assert session.fetch("SELECT 1 AS one") == [{"one": 1}], "the same number of another time is left alone"
    target.terminate(backend)
    with pytest.raises(ConnectError):
        session.commit()
    session.rollback()
    assert execute(mariadb, "SELECT count(*) FROM t") == [(0,)]
    target.close()


def test_work_after_commit_is_forgotten_by_a_rollback(session: MySqlSession) -> None:
    done: list[str] = []
    session.begin()
    session.at_commit(lambda: done.append("rolled back"))
    session.rollback()
    session.begin()
    session.at_commit(lambda: done.append("committed"))
    session.commit()
    session.begin()
    session.commit()
    assert done == ["committed"]


def test_no_statement_and_no_value_is_logged(session: MySqlSession, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), pytest.raises(DataError):
        session.script("SELECT cast('s3cret' AS int) + exp(10000)")
    assert "s3cret" not in caplog.text


def test_types_of_the_catalogue(session: MySqlSession) -> None:
    columns = {
        "a": ("tinyint(1)", "smallint"), "b": ("bit", "boolean"), "c": ("bit(8)", "bigint"),
        "d": ("bigint unsigned", "decimal(20,0)"), "e": ("int unsigned", "bigint"), "f": ("year", "smallint"),
        "g": ("decimal(12,2) unsigned", "decimal(12,2)"), "h": ("json", "json"), "i": ("longtext", "text"),
        "j": ("enum('a','b')", "text"), "k": ("set('a','b')", "text"), "l": ("char(3)", "varchar(3)"),
        "m": ("datetime(3)", "timestamp"), "n": ("timestamp(6) null", "timestamptz"), "o": ("time", "time"),
        "p": ("varbinary(9)", "binary"), "q": ("uuid", "uuid"), "r": ("inet6", "inet6"), "s": ("float", "real"),
        "t": ("mediumint unsigned", "integer"), "u": ("double", "double"), "v": ("smallint unsigned", "integer"),
    }  # fmt: skip
    session.script("CREATE TABLE t (" + ", ".join(f"{name} {sql}" for name, (sql, _) in columns.items()) + ")")
    session.script("CREATE VIEW v AS SELECT a, h FROM t")
    found = table_columns(session, None, "t")
    assert found is not None
    assert {name: str(kind) for name, kind in found.items()} == {name: want for name, (_, want) in columns.items()}
    assert found["m"].raw == "datetime(3)"
    assert list(table_columns(session, None, "v") or ()) == ["a", "h"]
    assert table_columns(session, "nowhere", "t") is None
    assert str(column_type("bit(64)")) == "decimal(20,0)"
