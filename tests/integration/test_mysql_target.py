"""What only the MySQL target does: LOAD DATA and its warnings, INSERT instead, engines, keys, renaming, statements."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, time, timezone
from decimal import Decimal
from typing import Any

import pytest

from sync_provider.core.contracts import ROW, ConnectionInfo, Counters, LoadSpec, Target, parse_type
from sync_provider.core.errors import ConfigError, DataError
from sync_provider.core.ledger import tables
from sync_provider.core.systems.mysql.session import MySqlSession
from sync_provider.core.targets.mysql import TARGET
from sync_provider.core.targets.mysql.replacing import new_name
from sync_provider.testing.target_arena import TRICKY, TargetArena, make_frame, make_spec, stored
from tests.services.mariadb import MariadbServer, execute

_AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
_MERGE = {"write": "merge", "primary_key": ("id",)}


@pytest.fixture
def target(mariadb: ConnectionInfo) -> Iterator[Target]:
    opened = TARGET.open(mariadb)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def plain_server() -> Iterator[MariadbServer]:
    """A server that takes no local files, as many are set up."""
    server = MariadbServer.start(local_infile="0")
    yield server
    server.stop()


def load(target: Target, spec: LoadSpec, *batches: Sequence[Sequence[Any]]) -> tuple[Counters, Any]:
    counters, bad, _ = TargetArena().load(target, spec, *batches)
    return counters, bad


def described(target: Target, table: str) -> dict[str, Any]:
    """Return a table's columns as a plan would write them."""
    found = target.describe(None, table)
    assert found is not None
    return found


def test_without_local_files_rows_go_by_insert(plain_server: MariadbServer) -> None:
    target = TARGET.open(plain_server.create_database())
    spec = make_spec({"id": "bigint", "x": "text", "n": "varchar(5)", "b": "binary"}, **_MERGE)
    for sql in target.create_sql(spec):
        execute(plain_server.connection(target._info.schema), sql)  # type: ignore[attr-defined]
    rows = [(number, text, "ok", b"\0\xff'\\") for number, text in enumerate(TRICKY)]
    many = [(1000 + n, "x" * 2000, "too long" if n % 700 == 0 else "ok", None) for n in range(2000)]
    counters, bad = load(target, spec, rows, many)
    assert (counters.inserted, bad[ROW].to_list()) == (len(TRICKY) + 1997, [25, 725, 1425])
    assert [row for row in stored(target, spec, "id", "x") if row[0] < 1000] == sorted(enumerate(TRICKY), key=repr)
    session = target.session()
    session.begin()
    assert target.load(session, spec).notes == [
        "local_infile is off on the server or in the connection: rows went by INSERT"
    ]
    session.close()


@pytest.mark.parametrize("allowed", [True, False], ids=["load data", "insert"])
@pytest.mark.parametrize(
    ("declared", "good", "bad"),
    [
        ("decimal(5,2)", Decimal("1.50"), Decimal("1.505")),
        ("decimal(5,2)", Decimal("999.99"), Decimal("1000.00")),
        ("datetime", datetime(2026, 1, 1), datetime(2026, 1, 1, 0, 0, 0, 500_000)),
        ("datetime(3)", datetime(2026, 1, 1, 0, 0, 0, 1000), datetime(2026, 1, 1, 0, 0, 0, 1001)),
        ("time(0)", time(1, 2, 3), time(1, 2, 3, 1)),
        ("timestamp NULL", _AT, _AT.replace(year=2050)),
        ("enum('a','it''s')", "it's", "1"),
        ("set('a','b')", "a,b", "2"),
        ("year", 1999, 1800),
        ("tinyint unsigned", 255, -1),
        ("varchar(3) CHARACTER SET latin1", "ü", "中"),
        ("varchar(3)", "abc", "abc "),
        ("json", '{"a": 1.10}', "{a: 1}"),
        ("int NOT NULL", 1, None),
        ("int CHECK (v < 10)", 9, 10),
        ("int UNIQUE", 5, 1),
        ("double", 1.5, float("nan")),
        ("bit(8)", 255, 256),
        ("bit", True, None),
    ],
)
def test_what_would_be_changed_is_rejected(
    mariadb: ConnectionInfo, declared: str, good: Any, bad: Any, allowed: bool
) -> None:
    target = TARGET.open(replace(mariadb, extra={"local_infile": allowed}))
    execute(mariadb, f"CREATE TABLE t (id bigint PRIMARY KEY, v {declared})")
    columns = {name: _wider(kind) for name, kind in described(target, "t").items()}
    spec = replace(make_spec({}, table="t"), columns=columns)
    rows = [[n, good] for n in range(100)] if "UNIQUE" not in declared else [[n, n + 100] for n in range(100)]
    rows[0][1] = good if "UNIQUE" not in declared else 1
    rows += [[100, bad], [101, good]]
    counters, rejected = load(target, spec, rows)
    if declared == "bit":  # NULL is fine there
        assert counters.inserted == 102
    else:
        assert (counters.inserted, rejected[ROW].to_list()) == (101, [101]), rejected.rows()
        assert rejected["rule"][0].startswith("target(")
        assert rejected["message"][0].startswith("row 101 ")
    kept = execute(
        mariadb, "SELECT v + 0 FROM t WHERE id = 101" if "bit" in declared else "SELECT v FROM t WHERE id = 101"
    )
    assert str(kept[0][0]) == str(
        int(good) if "bit" in declared else good.replace(tzinfo=None) if good is _AT else _clock(good)
    )


def _clock(value: Any) -> Any:
    """A time comes back as the seconds since midnight."""
    return datetime.combine(datetime.min, value) - datetime.min if isinstance(value, time) else value


def _wider(kind: Any) -> Any:
    """Give a frame more room than the column has, so that the server is the one to refuse."""
    return parse_type("decimal(20,6)") if kind.kind == "decimal" else kind


def test_rows_the_server_skips_without_a_number_are_found(mariadb: ConnectionInfo, target: Target) -> None:
    """LOAD DATA LOCAL leaves out doubled keys, and then counts the rows after them otherwise."""
    execute(mariadb, "CREATE TABLE t (id bigint PRIMARY KEY, v varchar(5))")
    spec = make_spec({"id": "bigint", "v": "text"}, table="t")
    rows = [(n, "too long" if n in (300, 301, 700) else "v") for n in range(1000)]
    rows[200:200] = [(7, "again"), (8, "again")]
    counters, bad = load(target, spec, rows)
    assert (counters.inserted, bad[ROW].to_list()) == (997, [201, 202, 303, 304, 703])
    assert bad["rule"].to_list() == ["target(PRIMARY)"] * 2 + ["target(v)"] * 3
    assert bad["message"][0] == "row 201 Duplicate entry '7' for key 'PRIMARY'"
    assert bad["message"][2] == "row 303 v='too long': Data too long for column 'v'"


def test_a_merge_changes_no_row_of_another_key(mariadb: ConnectionInfo, target: Target) -> None:
    """A row that shares a second unique key is refused, where ON DUPLICATE KEY UPDATE would change that other row."""
    execute(mariadb, "CREATE TABLE t (id bigint PRIMARY KEY, mail varchar(20) UNIQUE)")
    spec = make_spec({"id": "bigint", "mail": "text"}, table="t", **_MERGE)
    load(target, spec, [(1, "a@b"), (2, "c@d")])
    counters, bad = load(target, spec, [(3, "a@b"), (2, "e@f"), (4, "g@h")])
    assert (counters.inserted, counters.updated, bad["rule"].to_list()) == (1, 1, ["target(mail)"])
    assert stored(target, spec) == [(1, "a@b"), (2, "e@f"), (4, "g@h")]


def test_keys_that_the_collation_takes_for_equal_are_one(mariadb: ConnectionInfo, target: Target) -> None:
    execute(mariadb, "CREATE TABLE t (id varchar(9) COLLATE utf8mb4_general_ci PRIMARY KEY, v int)")
    spec = make_spec({"id": "text", "v": "integer"}, table="t", **_MERGE)
    counters, _ = load(target, spec, [("a", 1), ("A", 2), ("b", 3)])
    assert (counters.inserted, counters.deduplicated) == (2, 1)
    assert load(target, spec, [("B", 4)])[0].updated == 1
    created = replace(spec, table="created")
    for sql in target.create_sql(created):
        execute(mariadb, sql)
    assert load(target, created, [("a", 1), ("A", 2), ("a ", 3)])[0].inserted == 3, "to the byte, spaces too"


def test_a_zero_is_no_number_to_be_given(mariadb: ConnectionInfo, target: Target) -> None:
    execute(mariadb, "CREATE TABLE t (id bigint AUTO_INCREMENT PRIMARY KEY, v int)")
    spec = make_spec({"id": "bigint", "v": "integer"}, table="t")
    counters, bad = load(target, spec, [(0, 1), (None, 2)])
    assert (counters.inserted, bad["rule"].to_list()) == (1, ["target(id)"])
    assert stored(target, spec) == [(0, 1)]


def test_an_engine_without_transactions_is_refused(mariadb: ConnectionInfo, target: Target) -> None:
    execute(mariadb, "CREATE TABLE t (id int) ENGINE=MyISAM")
    for ask in (lambda: target.describe(None, "t"), lambda: load(target, make_spec({"id": "integer"}, table="t"), [])):
        with pytest.raises(ConfigError, match="engine MyISAM") as caught:
            ask()
        assert caught.value.fix == "run: ALTER TABLE `t` ENGINE=InnoDB"
    for sql in tables.create_sql("mysql", None):
        execute(mariadb, sql)
    execute(mariadb, "ALTER TABLE _sync_lease ENGINE=Aria")
    with pytest.raises(ConfigError, match="`_sync_lease` is kept by engine Aria"):
        target.describe(None, "_sync_version")


def test_wide_tables_and_long_keys_are_created(mariadb: ConnectionInfo, target: Target) -> None:
    many = make_spec({f"c{n}": "varchar(500)" for n in range(100)}, table="many")
    keys = {f"k{n}": "text" for n in range(4)}
    keyed = make_spec({**keys, "v": "decimal(70,35)", "u": "decimal"}, table="keyed", write="merge",
                      primary_key=tuple(keys))  # fmt: skip
    for spec in (many, keyed):
        for sql in target.create_sql(spec):
            execute(mariadb, sql)
    counters, bad = load(target, many, [["x" * 500] * 100, ["x" * 501] + ["x"] * 99])
    assert (counters.inserted, bad.height) == (1, 1)
    with pytest.raises(ConfigError, match="65 characters long"):
        target.create_sql(make_spec({"n" * 65: "text"}))
    with pytest.raises(ConfigError, match="ends with a space"):
        target.create_sql(make_spec({"n ": "text"}))


def test_a_login_without_a_database_writes_into_the_targets(mariadb: ConnectionInfo) -> None:
    target = TARGET.open(replace(mariadb, schema=None))
    spec = make_spec({"id": "bigint"}, table="t", schema=mariadb.schema, unique=(("u", "quarantine", ("id",)),))
    for sql in target.create_sql(spec):
        execute(mariadb, sql)
    assert load(target, spec, [(1,), (1,), (2,)])[0].inserted == 1
    with pytest.raises((ConfigError, DataError), match="database"):
        load(target, replace(spec, schema=None), [(1,)])


@pytest.mark.parametrize(
    "sql",
    ["TRUNCATE t", " -- why\n/* so */ alter table t ADD x int", "CREATE TABLE x (a int)", "commit",
     "SET autocommit = 1", "LOCK TABLES t WRITE", "RENAME TABLE t TO u"],
)  # fmt: skip
def test_statements_that_commit_are_refused_before_anything_happens(target: Target, sql: str) -> None:
    spec = make_spec({"id": "bigint"}, table="t")
    _create(target, spec)
    for key in ("pre_sql", "post_sql"):
        with pytest.raises(ConfigError, match=rf"{key}\[0\]: .* commits by itself"):
            load(target, replace(spec, **{key: (sql,)}), [(1,)])
    assert stored(target, spec) == []


def test_statements_are_read_as_mysql_users_write_them(mariadb: ConnectionInfo, target: Target) -> None:
    spec = make_spec({"id": "bigint", "v": "text"}, table="t")
    _create(target, spec)
    execute(mariadb, "CREATE PROCEDURE hidden() BEGIN CREATE TABLE secretly (a int); END")
    load(target, replace(spec, pre_sql=('INSERT INTO t VALUES (0, "it\\\'s")', "SELECT 1")), [(1, "back\\slash")])
    assert stored(target, spec) == [(0, "it's"), (1, "back\\slash")]
    with pytest.raises(ConfigError, match="one of post_sql commits by itself"):
        load(target, replace(spec, post_sql=("CALL hidden()",)), [(2, "x")])


@pytest.mark.parametrize("committed", [True, False])
def test_a_swap_that_was_killed_is_finished_or_undone(mariadb: ConnectionInfo, target: Target, committed: bool) -> None:
    spec = make_spec({"id": "bigint"}, table="t", write="replace", swap=True)
    _create(target, spec)
    load(target, spec, [(1,)])
    session = target.session()
    assert isinstance(session, MySqlSession)
    session.begin()
    rows = target.load(session, spec)
    rows.write(make_frame(spec, [(2,), (3,)]))
    assert rows.finish()[0].deleted == 1
    if committed:
        session.script("COMMIT")  # killed before what follows
    session.close()
    assert stored(target, spec) == [(1,)], "readers see the old rows until the new ones are all there"
    assert target.describe(None, new_name("t")) is not None
    beside = target.session()
    for _ in range(2):
        target.recover(beside, spec, committed=committed)
    beside.close()
    assert stored(target, spec) == ([(2,), (3,)] if committed else [(1,)])
    assert execute(mariadb, "SHOW TABLES") == [("t",)]


def test_a_swap_that_would_lose_something_is_refused(mariadb: ConnectionInfo, target: Target) -> None:
    spec = make_spec({"id": "bigint"}, table="t", write="replace", swap=True)
    _create(target, spec)
    execute(mariadb, "CREATE TRIGGER watch AFTER DELETE ON t FOR EACH ROW SET @gone = 1")
    with pytest.raises(ConfigError, match="cannot be swapped: it would lose trigger watch"):
        load(target, spec, [(1,)])
    assert load(target, replace(spec, swap=False), [(1,)])[0].inserted == 1


def _create(target: Target, spec: LoadSpec) -> None:
    session = target.session()
    for sql in target.create_sql(spec):
        session.script(sql)
    session.close()


def test_an_append_by_key_replaces_exactly_its_range(target: Target) -> None:
    spec = make_spec({"id": "bigint"}, table="t")
    _create(target, spec)
    big = 2**62
    load(target, spec, [(big + n,) for n in range(5)])
    again = replace(spec, replace_since=("id", str(big + 2)), replace_until=str(big + 3))
    assert load(target, again, [(big + 2,)])[0].deleted == 2
    assert stored(target, spec) == [(big + n,) for n in (0, 1, 2, 4)]


def test_post_sql_does_not_take_the_old_rows_of_a_swap_for_the_new_ones(target: Target) -> None:
    spec = make_spec({"id": "bigint"}, table="t", write="replace", swap=True)
    _create(target, spec)
    counting = "INSERT INTO t_log SELECT count(*) FROM `T`"
    with pytest.raises(ConfigError, match=r"post_sql\[1\] names the table, which holds the old rows") as caught:
        load(target, replace(spec, post_sql=("SELECT 't', \"it's t\", 1 AS t_1", counting)), [(1,)])
    assert caught.value.fix.startswith("write `replace: truncate`")
    assert load(target, replace(spec, post_sql=("SELECT 't' AS t_1",)), [(1,)])[0].inserted == 1
