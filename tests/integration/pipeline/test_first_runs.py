"""The first runs into an empty target: several at once, or after one that was killed while it made our tables."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from sync_provider.core.contracts import Session
from sync_provider.core.errors import SyncError
from sync_provider.core.ledger import tables
from sync_provider.core.systems.postgres.session import PgSession
from sync_provider.core.systems.sqlite.session import SqliteSession
from tests.integration.pipeline.project import Project

YAML = """
    source: {type: file, path: inbox}
    target: {connection: dwh}
    interfaces:
    """


def _lay_out(project: Project, interfaces: int) -> list[str]:
    names = [f"orders_{number}" for number in range(interfaces)]
    lines = [f"      {name}: {{files: orders.csv, primary_key: id}}\n    " for name in names]
    schemas = ", schema: ods, state_schema: state" if project.target.type == "postgres" else ""
    project.yaml("crm", YAML.replace("dwh", f"dwh{schemas}") + "".join(lines))
    project.csv("orders.csv", "id,name", "1,a", "2,b")
    return names


def test_many_first_runs_at_once(project: Project) -> None:
    names = _lay_out(project, 8)
    with ThreadPoolExecutor(8) as pool:
        reports = list(pool.map(lambda name: project.run(f"crm.{name}", "r1"), names))
    assert [report.counters.loaded for report in reports] == [2] * 8


def test_tables_half_made_are_completed(project: Project) -> None:
    names = _lay_out(project, 1)
    postgres = project.target.type == "postgres"
    made = tables.create_sql("postgresql", "state") if postgres else tables.create_sql("sqlite", None)
    project.target_sql(*made[: 3 if postgres else 2])
    assert project.run(f"crm.{names[0]}", "r1").counters.loaded == 2


def test_tables_are_made_all_or_none(project: Project) -> None:
    names = _lay_out(project, 1)
    session = _target_session(project)
    with pytest.raises(SyncError, match="already exists"):
        tables.make(session, None, ["CREATE TABLE one (id integer)", "CREATE TABLE one (id integer)"])
    session.close()
    catalogue = "sqlite_master" if project.target.type == "sqlite" else "pg_tables"
    column = "name" if project.target.type == "sqlite" else "tablename"
    assert project.rows(f"select count(*) from {catalogue} where {column} = 'one'") == [(0,)]
    assert project.run(f"crm.{names[0]}", "r1").counters.loaded == 2


def _target_session(project: Project) -> Session:
    return PgSession(project.target) if project.target.type == "postgres" else SqliteSession(project.target)


def test_a_login_that_may_create_tables_need_not_create_the_schema(pg: Project) -> None:
    names = _lay_out(pg, 1)
    role = f"modest_{pg.target.schema}"
    pg.target_sql(f"create role {role} login password 'x'")
    for schema in ("ods", "state"):
        pg.target_sql(f"create schema {schema}", f"grant create, usage on schema {schema} to {role}")
    modest = replace(pg, target=replace(pg.target, login=role, password="x"))
    assert modest.run(f"crm.{names[0]}", "r1").counters.loaded == 2
    pg.target_sql(f"drop owned by {role}", f"drop role {role}")
