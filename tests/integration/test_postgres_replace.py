"""Replacing tables of PostgreSQL: what stays with them, what refuses it, and who sees what meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from sync_provider.core.contracts import ConnectionInfo, LoadSpec, Target
from sync_provider.core.errors import ConfigError
from sync_provider.core.targets.postgres import TARGET
from sync_provider.testing.target_arena import TargetArena, make_spec, stored

ARENA = TargetArena()
SPEC = make_spec({"id": "bigint", "name": "text"}, table="orders", write="replace", primary_key=("id",))
SWAP = replace(SPEC, swap=True)


@pytest.fixture
def target(postgres: ConnectionInfo) -> Iterator[Target]:
    opened = TARGET.open(postgres)
    ARENA.create(opened, SPEC)
    ARENA.load(opened, SPEC, [(1, "old")])
    yield opened
    opened.close()


@pytest.fixture
def sql(postgres: ConnectionInfo, target: Target) -> Iterator[Any]:
    with psycopg.connect(
        host=postgres.host, port=postgres.port, user=postgres.login, password=postgres.password, dbname=postgres.schema
    ) as connection:
        connection.autocommit = True
        yield connection.execute


def _load(target: Target, spec: LoadSpec) -> None:
    ARENA.load(target, spec, [(2, "new"), (3, "new")])
    assert stored(target, spec, "id") == [(2,), (3,)]


def test_a_swapped_table_keeps_grants_owner_indexes_and_comments(target: Target, sql: Any) -> None:
    sql("do $$ begin create role reader_of_swaps; exception when duplicate_object then null; end $$")
    sql("alter default privileges grant delete on tables to public")
    try:
        sql("grant select on orders to public")
        sql("grant insert, update on orders to reader_of_swaps with grant option")
        sql("create index by_name on orders (name)")
        sql("create unique index by_lower on orders (lower(name), id) where name <> ''")
        sql("comment on table orders is 'all orders'")
        sql("alter table orders add column note text default 'none', add check (id > 0), set (fillfactor = 70)")
        about = (
            "select relacl::text, reloptions::text, pg_get_userbyid(relowner) from pg_class "
            "where oid = 'orders'::regclass"
        )
        indexes = "select indexdef from pg_indexes where tablename = 'orders' order by 1"
        checks = "select conname::text, contype::text from pg_constraint where conrelid = 'orders'::regclass order by 1"
        was = [sql(query).fetchall() for query in (about, indexes, checks)]
        grants = _grants(sql)
        _load(target, SWAP)
        found = [sql(query).fetchall() for query in (about, indexes, checks)]
        assert [row[1:] for row in found[0]] == [row[1:] for row in was[0]]
        assert found[1:] == was[1:]
        assert _grants(sql) == grants
        assert ("DELETE", "PUBLIC", "NO") not in _grants(sql)
        assert sql("select distinct note from orders").fetchall() == [("none",)]
        assert sql("select count(*) from pg_class where relname like '%sync_new%'").fetchone() == (0,)
    finally:
        sql("alter default privileges revoke delete on tables from public")
        sql("drop owned by reader_of_swaps")
        sql("drop role reader_of_swaps")


def _grants(sql: Any) -> set[tuple[str, ...]]:
    query = (
        "select privilege_type, grantee, is_grantable from information_schema.table_privileges "
        "where table_name = 'orders'"
    )
    return set(sql(query).fetchall())


@pytest.mark.parametrize(
    ("ddl", "named"),
    [
        ("create view seen as select id from orders", "view seen"),
        ("create table lines (order_id bigint references orders)", "foreign key lines_order_id_fkey"),
        ("alter table orders add column up bigint references orders", "foreign key orders_up_fkey"),
        ("create policy mine on orders using (true)", "policy mine"),
        ("alter table orders add column n serial", "sequence orders_n_seq"),
        ("alter table orders add column n bigint generated always as identity", "sequence orders_n_seq"),
        ("create table part () inherits (orders)", "inheritance of part"),
        ("create publication told for table orders", "publication told"),
        ("grant select (name) on orders to public", "grants on column name"),
        (
            "create trigger t before insert on orders execute function suppress_redundant_updates_trigger()",
            "trigger t",
        ),
    ],
)
def test_what_hangs_on_a_table_refuses_its_swap(target: Target, sql: Any, ddl: str, named: str) -> None:
    sql(ddl)
    with pytest.raises(ConfigError, match="cannot be swapped: it would lose") as caught:
        ARENA.load(target, SWAP, [(2, "new")])
    assert named in caught.value.what
    assert "replace: truncate" in caught.value.fix
    assert stored(target, SPEC) == [(1, "old")]


def test_a_truncated_table_keeps_its_view(target: Target, sql: Any) -> None:
    sql("create view seen as select id from orders")
    _load(target, SPEC)
    assert sql("select id from seen order by 1").fetchall() == [(2,), (3,)]


def test_a_partitioned_table_is_emptied(target: Target, sql: Any) -> None:
    sql("create table parts (id bigint primary key, name text) partition by range (id)")
    sql("create table parts_1 partition of parts for values from (0) to (100)")
    parts = replace(SPEC, table="parts")
    ARENA.load(target, parts, [(1, "old")])
    _load(target, parts)
    with pytest.raises(ConfigError, match="no plain table"):
        ARENA.load(target, replace(parts, swap=True), [(2, "new")])


def test_a_swap_that_is_rolled_back_leaves_the_old_table_alone(target: Target, sql: Any) -> None:
    was = sql("select 'orders'::regclass::oid").fetchone()
    ARENA.load(target, SWAP, [(2, "new")], commit=False)
    assert sql("select 'orders'::regclass::oid").fetchone() == was
    assert stored(target, SPEC) == [(1, "old")]
    assert sql("select count(*) from pg_class where relname like '%sync_new%'").fetchone() == (0,)


def test_who_may_not_truncate_deletes(target: Target, sql: Any, postgres: ConnectionInfo) -> None:
    sql("do $$ begin create role writer_of_orders login password 'w'; "
        "exception when duplicate_object then null; end $$")  # fmt: skip
    sql("grant select, insert, delete on orders to writer_of_orders")
    sql("grant usage on schema public to writer_of_orders")
    other = TARGET.open(replace(postgres, login="writer_of_orders", password="w"))
    try:
        _load(other, SPEC)
    finally:
        other.close()
        sql("drop owned by writer_of_orders")
        sql("drop role writer_of_orders")
