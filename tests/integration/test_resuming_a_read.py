"""A read that goes on behind any batch gives exactly the rows that are left: PostgreSQL, SQLite, files."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from sync_provider.core import registry
from sync_provider.core.contracts import (
    ROW,
    Batch,
    ConnectionInfo,
    IncrementPlan,
    Plan,
    SchedulePlan,
    Source,
    SourcePlan,
    SourceType,
    TargetPlan,
    Window,
)
from sync_provider.core.errors import ContractError, DataError
from sync_provider.core.sources import file, postgres, sqlite
from tests.integration.pipeline.project import query
from tests.services.postgres import execute

#: key columns → rows, in no order; every key is to be the last one of a batch once
KEYS = {
    "id bigint": ["3", "-1", "10", "9", "200"],
    "id uuid": ["'b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'", "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'"],
    "id text": ["'b'", "'B'", "'a'", "'é'", "'it''s'", "''", "' x'", "'中'", "'a,b\"c'", "'\\N'"],
    "id bigint, no text": ["1, 'b'", "1, 'B'", "2, 'a'", "0, 'z'"],
}


def _plan(source: SourcePlan, batch_rows: int = 1) -> Plan:
    plan = Plan("lib", "src", "t", source, TargetPlan("nowhere", "t"), "full", "append", SchedulePlan("manual"))
    return replace(plan, load="staged", batch_rows=batch_rows)


def _batches(kind: SourceType, plan: Plan, info: ConnectionInfo, window: Window, after: str = "") -> list[Batch]:
    with closing(_open(kind, plan, info)) as source:
        return list(source.read(window, after))


def _open(kind: SourceType, plan: Plan, info: ConnectionInfo) -> Source:
    return kind.open(plan, lambda _: info)


def _goes_on_anywhere(kind: SourceType, plan: Plan, info: ConnectionInfo, window: Window, rows: int) -> None:
    batches = _batches(kind, plan, info, window)
    whole = pl.concat([batch.frame for batch in batches])
    assert whole[ROW].to_list() == list(range(1, rows + 1))
    for number, batch in enumerate(batches, 1):
        assert batch.position
        rest = _batches(kind, plan, info, window, batch.position)
        assert pl.concat([part.frame for part in [*batches[:number], *rest]]).equals(whole)


@pytest.mark.parametrize("key", KEYS)
def test_postgres(postgres: ConnectionInfo, key: str) -> None:
    names = ", ".join(part.split()[0] for part in key.split(", "))
    execute(postgres, f"create table t ({key}, v text, primary key ({names}))")
    for row in KEYS[key]:
        execute(postgres, f"insert into t values ({row}, 'v')")
    _goes_on_anywhere(postgres_type(), _plan(SourcePlan("postgres", "pg")), postgres, Window("full"), len(KEYS[key]))


@pytest.mark.parametrize("key", ["id bigint", "id text", "id bigint, no text"])
def test_sqlite(sqlite: ConnectionInfo, key: str) -> None:
    names = ", ".join(part.split()[0] for part in key.split(", "))
    with closing(sqlite3.connect(sqlite.host or "")) as connection, connection:
        columns = ", ".join(f"{part} not null collate nocase" for part in key.split(", "))
        connection.execute(f"create table t ({columns.replace('nocase', 'binary')}, v text, primary key ({names}))")
        for row in KEYS[key]:
            connection.execute(f"insert into t values ({row}, 'v')")
    _goes_on_anywhere(sqlite_type(), _plan(SourcePlan("sqlite", "lite")), sqlite, Window("full"), len(KEYS[key]))


def test_within_a_window_and_without_a_column_that_is_dropped(postgres: ConnectionInfo) -> None:
    execute(postgres, "create table t (id int primary key, at timestamp)")
    execute(
        postgres, "insert into t select n, '2026-01-01'::timestamp + n * interval '1 min' from generate_series(1, 9) n"
    )
    plan = replace(_plan(SourcePlan("postgres", "pg"), 2), increment=IncrementPlan("timestamp", "at"))
    window = Window("incremental", "2026-01-01 00:03:00", "2026-01-01 00:08:00")
    _goes_on_anywhere(postgres_type(), plan, postgres, window, 6)


@pytest.mark.parametrize(
    "table",
    [
        "create table t (id int, v text)",
        "create table t (id numeric primary key, v text)",
        "create table t (id char(3) primary key, v text)",
        "create table t (id int primary key, v text); create table child () inherits (t)",
        "create table base (id int primary key, v text); create view t as select * from base",
    ],
)
def test_a_table_without_a_fit_key_cannot(postgres: ConnectionInfo, table: str) -> None:
    execute(postgres, table)
    execute(postgres, "insert into t values ('1', 'a'), ('2', 'b')")
    batches = _batches(postgres_type(), _plan(SourcePlan("postgres", "pg")), postgres, Window("full"))
    assert [batch.position for batch in batches] == ["", ""]


@pytest.mark.parametrize("type_of", ["postgres", "sql"])
@pytest.mark.parametrize("change", ["", "add primary key (id, no)", "add primary key (no)"])
def test_a_key_that_changed_is_told(postgres: ConnectionInfo, change: str, type_of: str) -> None:
    execute(postgres, "create table t (id int primary key, no int not null)")
    execute(postgres, "insert into t values (1, 3), (2, 2), (3, 1)")
    kind, plan = registry.load("sources", type_of), _plan(SourcePlan(type_of, "pg"))
    first = _batches(kind, plan, postgres, Window("full"))[0]
    execute(postgres, f"alter table t drop constraint t_pkey{', ' if change else ''}{change}")
    with pytest.raises(ContractError, match="another primary key"):
        _batches(kind, plan, postgres, Window("full"), first.position)


@pytest.mark.parametrize("type_of", ["mysql", "sqlite"])
def test_another_key_of_one_column_too(mariadb: ConnectionInfo, sqlite: ConnectionInfo, type_of: str) -> None:
    info = mariadb if type_of == "mysql" else sqlite
    kind, plan = registry.load("sources", type_of), _plan(SourcePlan(type_of, "pg"))
    for sql in ("create table t (id int not null primary key, no int not null)", "insert into t values (1, 2), (2, 1)"):
        query(info, sql)
    first = _batches(kind, plan, info, Window("full"))[0]
    for sql in ("drop table t", "create table t (id int not null, no int not null primary key)"):
        query(info, sql)
    with pytest.raises(ContractError, match="another primary key"):
        _batches(kind, plan, info, Window("full"), first.position)


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    """Three files, one of them with rows that are none, one without rows."""
    for name, lines in {
        "a.csv": ["1,x", "2", "3,x", "4,x,y", "5,x"], "b.csv": [], "c.csv": [f"{n},x" for n in range(6, 30)],
    }.items():  # fmt: skip
        (tmp_path / name).write_text("\n".join(["id,v", *lines, ""]))
    return tmp_path


def _files(inbox: Path, batch_rows: int) -> Plan:
    return _plan(SourcePlan("file", None, {"path": str(inbox), "files": "*.csv"}), batch_rows)


def _rows(batches: list[Batch]) -> Iterator[tuple[int, str]]:
    for batch in batches:
        yield from ((row[ROW], row["id"]) for row in batch.frame.iter_rows(named=True))
        if batch.bad is not None:
            yield from ((row[ROW], row["position"]) for row in batch.bad.iter_rows(named=True))


@pytest.mark.parametrize("batch_rows", [1, 2, 4, 100])
def test_files_go_on_with_every_good_and_bad_row_once(inbox: Path, batch_rows: int) -> None:
    plan, nobody = _files(inbox, batch_rows), ConnectionInfo("none", "none")
    batches = _batches(file.SOURCE, plan, nobody, Window("full"))
    whole = sorted(_rows(batches))
    assert [number for number, _ in whole] == list(range(1, 30))
    for number, batch in enumerate(batches, 1):
        rest = _batches(file.SOURCE, plan, nobody, Window("full"), batch.position)
        assert sorted(_rows([*batches[:number], *rest])) == whole, batch.position


@pytest.mark.parametrize("change", ["append", "touch", "new before", "gone"])
def test_files_that_changed_are_not_gone_on_with(inbox: Path, change: str) -> None:
    nobody = ConnectionInfo("none", "none")
    plan = _files(inbox, 5)
    position = _batches(file.SOURCE, plan, nobody, Window("full"))[1].position
    if change == "append":
        (inbox / "c.csv").write_text((inbox / "c.csv").read_text() + "30,x\n")
    elif change == "touch":
        os.utime(inbox / "c.csv", ns=(1, 1))
    elif change == "new before":
        (inbox / "aa.csv").write_text("id,v\n99,x\n")
    else:
        (inbox / "c.csv").unlink()
    with pytest.raises(DataError, match="not those that were read before"):
        _batches(file.SOURCE, plan, nobody, Window("full"), position)


def test_a_file_that_came_behind_is_read_too(inbox: Path) -> None:
    nobody, plan = ConnectionInfo("none", "none"), _files(inbox, 5)
    position = _batches(file.SOURCE, plan, nobody, Window("full"))[0].position
    (inbox / "d.csv").write_text("id,v\n99,x\n")
    rest = dict(_rows(_batches(file.SOURCE, plan, nobody, Window("full"), position)))
    assert rest[30] == "99"


def postgres_type() -> SourceType:
    """The type; the name of its module is that of a fixture here."""
    return postgres.SOURCE


def sqlite_type() -> SourceType:
    """The type; the name of its module is that of a fixture here."""
    return sqlite.SOURCE
