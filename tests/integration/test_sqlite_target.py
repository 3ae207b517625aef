"""What only SQLite does as a target: values it would change, other writers, tables of others."""

from __future__ import annotations

import sqlite3
import threading
from datetime import datetime, timezone
from decimal import Decimal

import pytest

from sync_provider.core.contracts import ROW, ConnectionInfo
from sync_provider.core.errors import ConfigError
from sync_provider.core.systems.sqlite.session import SqliteSession
from sync_provider.core.targets.sqlite.catalogue import affinity
from sync_provider.core.targets.sqlite.target import SqliteTarget
from sync_provider.testing.target_arena import TargetArena, make_frame, make_spec, stored

ARENA = TargetArena()
MERGE = {"write": "merge", "primary_key": ("id",)}


@pytest.fixture
def target(sqlite: ConnectionInfo) -> SqliteTarget:
    return SqliteTarget(sqlite)


@pytest.fixture
def session(target: SqliteTarget) -> SqliteSession:
    return target.session()


def test_what_would_change_is_rejected(target: SqliteTarget, session: SqliteSession) -> None:
    session.script("CREATE TABLE orders (id bigint, f double, d decimal(20,2))")
    spec = make_spec({"id": "bigint", "f": "double", "d": "decimal(20,2)"})
    rows = [
        (1, float("nan"), Decimal("1.10")), (2, 1.5, Decimal("12345678901234567.25")),
        (3, None, Decimal("1234567890123.25")), (4, float("-inf"), Decimal("123456789012345678.00")),
        (5, float("nan"), Decimal("12345678901234567.25")),
    ]  # fmt: skip
    counters, rejected, _ = ARENA.load(target, spec, rows)
    assert counters.inserted == 2
    assert rejected.select(ROW, "rule").rows() == [(1, "target(f)"), (2, "target(d)"), (5, "target(f)")]
    assert rejected["message"][1] == ("row 2 d=12345678901234567.25: SQLite keeps 15 digits in a numeric column")
    assert stored(target, spec, "id", "d") == [(3, 1234567890123.25), (4, 123456789012345678)]


def test_rows_that_break_a_constraint_are_named(target: SqliteTarget, session: SqliteSession) -> None:
    session.script("CREATE TABLE parent (id bigint PRIMARY KEY)")
    session.script(
        'CREATE TABLE orders (id INTEGER PRIMARY KEY, qty int CHECK ("qty" > 0), code text UNIQUE, '
        "parent bigint REFERENCES parent, name text NOT NULL)"
    )
    spec = make_spec({"id": "bigint", "qty": "integer", "code": "text", "parent": "bigint", "name": "text"}, **MERGE)
    rows = [
        (1, 1, "a", None, "n"), (2, 0, "b", None, "n"), (3, 1, "a", None, "n"), (5, 1, "d", None, None),
        (6, 1, "e", None, "n"),
    ]  # fmt: skip
    counters, rejected, _ = ARENA.load(target, spec, rows)
    assert counters.inserted == 2
    assert rejected.select(ROW, "rule").rows() == [(2, "target(qty)"), (3, "target(code)"), (4, "target(name)")]


def test_others_write_while_rows_are_staged(target: SqliteTarget, sqlite: ConnectionInfo) -> None:
    spec = make_spec({"id": "bigint"}, **MERGE)
    ARENA.create(target, spec)
    session, other = target.session(), SqliteSession(sqlite, busy_s=0)
    session.begin()
    load = target.load(session, spec)
    load.write(make_frame(spec, [(1,), (2,)]))
    other.execute("INSERT INTO orders (id) VALUES (2)")
    counters, _ = load.finish()
    session.commit()
    assert (counters.inserted, counters.updated + counters.unchanged) == (1, 1)
    assert stored(target, spec) == [(1,), (2,)]


def test_a_chunk_waits_for_other_writers(target: SqliteTarget, session: SqliteSession, sqlite: ConnectionInfo) -> None:
    """A chunk is written into the file itself, first of all in its transaction."""
    session.script("CREATE TABLE orders (id bigint PRIMARY KEY)")
    spec = make_spec({"id": "bigint"}, **MERGE, stage="_sync_stage_orders")
    target.prepare(session, spec, fresh=True)
    beside = sqlite3.connect(str(sqlite.host), isolation_level=None, check_same_thread=False)
    beside.execute("BEGIN IMMEDIATE")
    later = threading.Timer(1.0, lambda: beside.execute("COMMIT"))
    later.start()
    session.begin()
    assert target.load(session, spec).write(make_frame(spec, [(1,), (2,)])) is None
    session.commit()
    later.join()
    beside.close()
    assert session.fetch("SELECT count(*) AS n FROM _sync_stage_orders") == [{"n": 2}]


def test_times_others_wrote_are_compared_as_times(target: SqliteTarget, session: SqliteSession) -> None:
    session.script("CREATE TABLE orders (id int PRIMARY KEY, at timestamptz)")
    session.execute("INSERT INTO orders VALUES (1, '2026-01-02T03:04:05Z'), (2, '2026-01-02 03:04:05')")
    spec = make_spec({"id": "bigint", "at": "timestamptz"}, newest_by=("at",), **MERGE)
    before = datetime(2026, 1, 2, 3, 4, 4, 999999, tzinfo=timezone.utc)
    after = datetime(2026, 1, 2, 3, 4, 6, tzinfo=timezone.utc)
    assert ARENA.load(target, spec, [(1, before), (2, before)])[0].superseded == 2
    assert ARENA.load(target, spec, [(1, after), (2, after)])[0].updated == 2


def test_a_schema_is_refused(target: SqliteTarget) -> None:
    with pytest.raises(ConfigError, match="no schemas"):
        target.describe("ods", "orders")


def test_affinity_follows_the_five_rules() -> None:
    wanted = {"INT": "INTEGER", "varchar(5)": "TEXT", "": "BLOB", "double": "REAL", "decimal(5,2)": "NUMERIC",
              "charint": "INTEGER", "timestamptz": "NUMERIC"}  # fmt: skip
    assert {declared: affinity(declared) for declared in wanted} == wanted
