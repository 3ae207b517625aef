"""Source `mysql` beside writers: rows that commit late, clocks, dates of no calendar; on a real MariaDB."""

from __future__ import annotations

import logging
import threading
import time as clock
from contextlib import closing
from dataclasses import replace
from datetime import datetime

import pytest

from sync_provider.core.contracts import ConnectionInfo, IncrementPlan
from sync_provider.core.errors import AuthenticationError
from sync_provider.core.sources.mysql import SOURCE
from sync_provider.core.systems.mysql import writers
from tests.integration.test_mysql_source import plan_of, rows_of, run, transaction, window_of
from tests.services.mariadb import MariadbServer, execute


def test_the_checkpoint_never_passes_an_open_transaction(mariadb: ConnectionInfo) -> None:
    run(mariadb, "CREATE TABLE late (id int, at datetime(6))", "INSERT INTO late VALUES (1, '2026-01-01')")
    plan = replace(plan_of("late"), increment=IncrementPlan("timestamp", "at"))
    assert window_of(mariadb, plan, "incremental", None, None).checkpoint is None
    with transaction(mariadb) as other:
        other.query("INSERT INTO late VALUES (2, UTC_TIMESTAMP(6))")
        ((began,),) = execute(mariadb, "SELECT CAST(UTC_TIMESTAMP(6) AS CHAR)")
        clock.sleep(0.2)
        run(mariadb, "INSERT INTO late VALUES (3, UTC_TIMESTAMP(6))")
        window = window_of(mariadb, plan, "incremental", None, None)
        assert window.until is not None
        assert window.until > began
        assert window.checkpoint is not None
        assert window.checkpoint < began
        assert [row["id"] for row in rows_of(mariadb, plan, window)] == [1, 3]
        other.commit()
    after = window_of(mariadb, plan, "incremental", window.reaches, None)
    assert 2 in [row["id"] for row in rows_of(mariadb, plan, after)]
    assert after.checkpoint is None


def test_the_checkpoint_never_passes_a_statement_that_has_no_transaction_yet(mariadb: ConnectionInfo) -> None:
    """Its clock stands still from its begin, and InnoDB hears of it with its first row."""
    run(mariadb, "CREATE TABLE slow (id int, at datetime(6))", "INSERT INTO slow VALUES (1, '2026-01-01')")
    plan = replace(plan_of("slow"), increment=IncrementPlan("timestamp", "at"))
    late = threading.Thread(target=run, args=(mariadb, "INSERT INTO slow VALUES (2 + SLEEP(5), UTC_TIMESTAMP(6))"))
    late.start()
    clock.sleep(3)
    run(mariadb, "INSERT INTO slow VALUES (3, UTC_TIMESTAMP(6))")
    window = window_of(mariadb, plan, "incremental", None, None)
    assert [row["id"] for row in rows_of(mariadb, plan, window)] == [1, 3]
    late.join()
    after = window_of(mariadb, plan, "incremental", window.reaches, None)
    assert 2 in [row["id"] for row in rows_of(mariadb, plan, after)]
    assert after.checkpoint is None


def test_a_query_that_runs_for_long_does_not_hold_the_checkpoint(mariadb: ConnectionInfo) -> None:
    run(mariadb, "CREATE TABLE t (at datetime(6))", "INSERT INTO t VALUES (UTC_TIMESTAMP(6))")
    plan = replace(plan_of("t"), increment=IncrementPlan("timestamp", "at"))
    busy = threading.Thread(target=run, args=(mariadb, "SELECT SLEEP(1.5)"))
    busy.start()
    clock.sleep(0.3)
    window = window_of(mariadb, plan, "incremental", None, None)
    busy.join()
    assert window.until is not None
    assert window.checkpoint is None


def test_dates_that_no_calendar_has_are_no_checkpoint(mariadb: ConnectionInfo) -> None:
    run(mariadb, "CREATE TABLE z (id int, at date)")
    execute(mariadb, "SET sql_mode = 'ALLOW_INVALID_DATES'; INSERT INTO z VALUES (1, '2026-01-05'), (2, '2026-02-31'), "
            "(3, '2026-03-00'), (4, '2026-00-07'), (5, '0000-00-00')")  # fmt: skip
    plan = replace(plan_of("z"), increment=IncrementPlan("timestamp", "at", 86400.0))
    assert window_of(mariadb, plan, "incremental", None, None).until == "2026-01-05"
    again = window_of(mariadb, plan, "incremental", "2026-01-05", None)
    assert (again.since, again.until) == ("2026-01-04 00:00:00", "2026-01-05")


def test_a_key_waits_for_writers_and_else_stays(mariadb: ConnectionInfo) -> None:
    run(mariadb, "CREATE TABLE k (id bigint unsigned AUTO_INCREMENT PRIMARY KEY, v int)", "INSERT INTO k VALUES (1, 1)")
    plan = replace(plan_of("k"), increment=IncrementPlan("key", "id"))
    with transaction(mariadb) as other:
        other.query("INSERT INTO k (v) VALUES (2)")
        run(mariadb, "INSERT INTO k (v) VALUES (3)")
        window = window_of(mariadb, plan, "incremental", "1", None)
        assert (window.since, window.until, window.checkpoint) == ("1", "3", "1")
        threading.Timer(0.5, other.commit).start()
        window = window_of(mariadb, plan, "incremental", "1", None)
        assert (window.until, window.checkpoint) == ("3", None)
        assert [row["id"] for row in rows_of(mariadb, plan, window)] == [1, 2, 3]


def test_without_the_right_lag_is_what_there_is_and_that_is_said(
    mariadb: ConnectionInfo, caplog: pytest.LogCaptureFixture
) -> None:
    run(mariadb, "CREATE TABLE late (id int, at datetime)", "INSERT INTO late VALUES (1, '2026-01-01')",
        "CREATE OR REPLACE USER 'plain'@'%' IDENTIFIED BY 'plain'",
        f"GRANT SELECT ON {mariadb.schema}.* TO 'plain'@'%'")  # fmt: skip
    plain = replace(mariadb, login="plain", password="plain")
    plan = replace(plan_of("late"), increment=IncrementPlan("timestamp", "at", 60.0))
    with caplog.at_level(logging.WARNING):
        window = window_of(plain, plan, "incremental", "2026-01-01 00:00:00", None)
    assert (window.since, window.until, window.checkpoint) == ("2025-12-31 23:59:00", "2026-01-01 00:00:00", None)
    assert "GRANT PROCESS" in caplog.text
    with closing(SOURCE.open(plan, lambda _: plain)) as source:
        assert "PROCESS" in source.advice()[0]
    flag = replace(plan, increment=IncrementPlan("flag", "id", pending="1", claimed="2", done="3"))
    with closing(SOURCE.open(flag, lambda _: plain)) as source, pytest.raises(AuthenticationError, match="UPDATE"):
        source.ping()


def test_a_servers_own_time_zone_does_not_move_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """InnoDB writes when a transaction began on the clock of the machine."""
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    server = MariadbServer.start()
    try:
        info = server.create_database()
        run(info, "CREATE TABLE late (at datetime)", "INSERT INTO late VALUES ('2026-01-01')")
        plan = replace(plan_of("late"), increment=IncrementPlan("timestamp", "at"))
        with transaction(info) as other:
            other.query("INSERT INTO late VALUES ('2026-01-02')")
            ((now,),) = execute(info, "SELECT UTC_TIMESTAMP()")
            run(info, "INSERT INTO late VALUES (UTC_TIMESTAMP())")
            window = window_of(info, plan, "incremental", None, None)
        assert window.checkpoint is not None
        assert abs((datetime.fromisoformat(window.checkpoint) - now).total_seconds()) < 10
    finally:
        server.stop()


def test_an_hour_that_the_machine_shows_twice_began_the_first_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    server = MariadbServer.start()
    try:
        for local, expected in (
            ("2026-10-25 01:59:59", "2026-10-24 23:59:59"),
            ("2026-10-25 02:30:00", "2026-10-25 00:30:00"),
            ("2026-10-25 03:10:00", "2026-10-25 02:10:00"),
            ("2026-03-29 01:50:00", "2026-03-29 00:50:00"),
            ("2026-03-29 03:10:00", "2026-03-29 01:10:00"),
        ):
            at = writers.SINCE.format(at=f"TIMESTAMP '{local}'")
            assert execute(server.connection(), f"SELECT CAST({at} AS CHAR)") == [(expected,)], local
    finally:
        server.stop()
