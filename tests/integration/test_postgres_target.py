"""What only PostgreSQL does as a target: server types, constraints, odd tables, stopped writers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timezone

import pytest

from sync_provider.core.contracts import ROW, ColumnType, ConnectionInfo, parse_type
from sync_provider.core.errors import ConfigError
from sync_provider.core.systems.postgres.session import PgSession
from sync_provider.core.targets.postgres.catalogue import create_sql, type_sql
from sync_provider.core.targets.postgres.target import PostgresTarget
from sync_provider.testing.target_arena import TargetArena, make_spec, stored

ARENA = TargetArena()
MERGE = {"write": "merge", "primary_key": ("id",)}


@pytest.fixture
def target(postgres: ConnectionInfo) -> PostgresTarget:
    return PostgresTarget(postgres)


@pytest.fixture
def session(target: PostgresTarget) -> Iterator[PgSession]:
    opened = target.session()
    yield opened
    opened.close()


@pytest.mark.parametrize("more", [{}, MERGE], ids=["append", "merge"])
def test_values_the_server_refuses_are_named(target: PostgresTarget, more: dict[str, object]) -> None:
    spec = make_spec({"id": "bigint", "u": "uuid", "j": "json", "x": "text"}, **more)
    ARENA.create(target, spec)
    uuid = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"
    rows = [
        (1, uuid, '{"a":\n1}', "fine\n\n"), (2, "no-uuid", "{}", "a\nb"), (3, uuid, '{"a": }', None),
        (4, uuid, None, "nul\x00"), (5, None, "[]", "中\n"),
    ]  # fmt: skip
    counters, rejected, _ = ARENA.load(target, spec, rows)
    assert counters.inserted == 2
    assert rejected.select(ROW, "rule").rows() == [(2, "target(u)"), (3, "target(j)"), (4, "target")]
    assert rejected["message"].to_list() == [
        "row 2 u='no-uuid': invalid input syntax for type uuid: \"no-uuid\"",
        "row 3 j='{\"a\": }': invalid input syntax for type json",
        'row 4 invalid byte sequence for encoding "UTF8": 0x00',
    ]
    assert rejected["key"].to_list() == ([f'{{"id":"{n}"}}' for n in (2, 3, 4)] if more else [None] * 3)


@pytest.mark.parametrize("more", [{}, MERGE], ids=["append", "merge"])
def test_rows_that_break_a_constraint_are_named(
    target: PostgresTarget, session: PgSession, more: dict[str, object]
) -> None:
    session.script("CREATE TABLE parent (id bigint PRIMARY KEY)")
    session.script("INSERT INTO parent VALUES (1)")
    session.script(
        "CREATE TABLE orders (id bigint PRIMARY KEY, qty int CHECK (qty > 0), code text UNIQUE, "
        "parent bigint REFERENCES parent, name text NOT NULL, extra text NOT NULL DEFAULT 'd', "
        "twice int GENERATED ALWAYS AS (qty * 2) STORED, number serial)"
    )
    spec = make_spec({"id": "bigint", "qty": "integer", "code": "text", "parent": "bigint", "name": "text"}, **more)
    rows = [
        (1, 1, "a", 1, "n"), (2, 0, "b", 1, "n"), (3, 1, "a", 1, "n"), (4, 1, "c", 7, "n"), (5, 1, "d", 1, None),
        (6, 1, "e", None, "n"),
    ]  # fmt: skip
    counters, rejected, _ = ARENA.load(target, spec, rows)
    assert counters.inserted == 2
    assert dict(rejected.select(ROW, "rule").iter_rows()) == {
        2: "target(orders_qty_check)",
        3: "target(orders_code_key)",
        4: "target(orders_parent_fkey)",
        5: "target(name)",
    }
    assert stored(target, spec, "id", "extra", "twice") == [(1, "d", 2), (6, "d", 2)]


def test_a_partitioned_table_is_merged_and_counted(target: PostgresTarget, session: PgSession) -> None:
    session.script("CREATE TABLE orders (id bigint PRIMARY KEY, v text) PARTITION BY RANGE (id)")
    session.script("CREATE TABLE low PARTITION OF orders FOR VALUES FROM (0) TO (10)")
    spec = make_spec({"id": "bigint", "v": "text"}, **MERGE)
    assert ARENA.load(target, spec, [(1, "a"), (2, "b")])[0].inserted == 2
    counters, rejected, _ = ARENA.load(target, spec, [(2, "B"), (3, "c"), (11, "no partition")])
    assert (counters.inserted, counters.updated) == (1, 1)
    assert rejected[ROW].to_list() == [3]


def test_a_table_without_our_columns_says_how_to_add_them(target: PostgresTarget, session: PgSession) -> None:
    session.script("CREATE TABLE orders (id bigint)")
    spec = make_spec({"id": "bigint"}, metadata=("r", datetime.now(timezone.utc)))
    with pytest.raises(ConfigError, match="_sync_run_id, _synced_at") as caught:
        ARENA.load(target, spec, [(1,)])
    session.script(caught.value.fix.removeprefix("run: ").partition(";")[0])
    assert ARENA.load(target, spec, [(1,)])[0].inserted == 1


def test_a_repeated_append_that_kept_no_run_id_is_refused(target: PostgresTarget) -> None:
    spec = make_spec({"id": "bigint"}, replace_run="r")
    ARENA.create(target, spec)
    with pytest.raises(ConfigError, match="cannot be repeated"):
        ARENA.load(target, spec, [(1,)])


def test_an_index_that_is_not_quite_the_key_does_not_do(target: PostgresTarget, session: PgSession) -> None:
    session.script("CREATE TABLE orders (id bigint, v text)")
    spec = make_spec({"id": "bigint", "v": "text"}, **MERGE)
    for index in ("(id) WHERE v IS NULL", "(id, v)", "(abs(id))", "(v) INCLUDE (id)"):
        session.script(f"CREATE UNIQUE INDEX ON orders {index}")
        with pytest.raises(ConfigError, match="no unique index"):
            ARENA.load(target, spec)
    session.script("CREATE UNIQUE INDEX ON orders (id) INCLUDE (v)")
    assert ARENA.load(target, spec, [(1, "a")])[0].inserted == 1


@pytest.mark.parametrize(
    ("column", "sql"),
    [
        (parse_type("varchar(5)"), "varchar(5)"),
        (parse_type("decimal(12,2)"), "numeric(12,2)"),
        (parse_type("json"), "json"),
        (ColumnType("json", raw="jsonb"), "jsonb"),
        (ColumnType("other", raw="inet"), "inet"),
        (ColumnType("other", raw="interval(3)"), "interval(3)"),
        (ColumnType("other", raw="time(3) with time zone"), "time(3) with time zone"),
        (ColumnType("other", raw="character varying(5)[]"), "character varying(5)[]"),
        (ColumnType("other", raw="mood"), "text"),
        (ColumnType("other", raw="money; drop table x"), "text"),
    ],
)
def test_new_columns_have_the_type_they_need(session: PgSession, column: ColumnType, sql: str) -> None:
    assert type_sql(column) == sql
    session.script(f"CREATE TABLE t (c {sql})")


def test_a_name_the_server_would_cut_is_refused() -> None:
    with pytest.raises(ConfigError, match="64 bytes long"):
        create_sql(make_spec({"列" * 21 + "x": "text"}))


def test_temporary_tables_do_not_hide_the_target(target: PostgresTarget) -> None:
    spec = make_spec({"id": "bigint"}, table="_sync_stage", **MERGE)
    ARENA.create(target, spec)
    assert ARENA.load(target, replace(spec, schema="public"), [(1,)])[0].inserted == 1
    assert stored(target, spec) == [(1,)]


def test_terminate_ends_only_the_very_connection(target: PostgresTarget, session: PgSession) -> None:
    pid, _, start = session.backend().partition(":")
    target.terminate(f"{pid}:{start.replace('20', '19', 1)}")
    assert session.fetch("SELECT 1 AS one") == [{"one": 1}]
    target.terminate(session.backend())
    other = target.session()
    assert other.fetch(f"SELECT 1 FROM pg_stat_activity WHERE pid = {pid}") == []
    other.close()


_WRITER = textwrap.dedent("""
    import os, sys
    from sync_provider.core.contracts import ConnectionInfo
    from sync_provider.core.targets.postgres.target import PostgresTarget
    port, login, database = sys.argv[1:]
    session = PostgresTarget(ConnectionInfo("t", "postgres", "127.0.0.1", int(port), login, os.environ["PW"], database)).session()
    print(session.backend(), flush=True)
    def blocks():
        while True:
            yield b"1\\n" * 10000
    session.begin()
    session.script("LOCK TABLE orders")
    print("copying", flush=True)
    session.copy_in("orders", None, ["id"], blocks())
""")  # noqa: E501


def test_a_stopped_writer_does_not_block_its_successor(target: PostgresTarget, postgres: ConnectionInfo) -> None:
    spec = make_spec({"id": "bigint"})
    ARENA.create(target, spec)
    writer = subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(postgres.port), str(postgres.login), str(postgres.schema)],
        env={**os.environ, "PW": str(postgres.password)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert writer.stdout is not None
        backend = writer.stdout.readline().strip()
        assert writer.stdout.readline() == "copying\n"
        time.sleep(0.3)
        os.kill(writer.pid, signal.SIGSTOP)
        started = time.monotonic()
        target.terminate(backend)
        assert ARENA.load(target, spec, [(7,)])[0].inserted == 1
        assert time.monotonic() - started < 5
        assert stored(target, spec) == [(7,)]
    finally:
        writer.kill()
        writer.wait()
