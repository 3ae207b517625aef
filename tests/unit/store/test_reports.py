"""The store keeps one report per run and migrates itself."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import pytest
import sqlalchemy as sa

from sync_provider.core.contracts import ConnectionInfo, Counters, RunReport
from sync_provider.core.errors import ConfigError, ResourceError
from sync_provider.core.store import database, reports
from sync_provider.core.store.tables import REVISION, metadata


def _no_connections(connection_id: str) -> ConnectionInfo:
    raise ConfigError(connection_id)


@pytest.fixture(params=["sqlite", "postgres"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> sa.Engine:
    if request.param == "sqlite":
        return database.open_store(f"sqlite:///{tmp_path}/deep/store.db", _no_connections)
    info: ConnectionInfo = request.getfixturevalue("postgres")
    return database.open_store(info.id, lambda _: info)


def test_a_local_store_makes_itself_and_a_server_says_what_to_run(engine: sa.Engine) -> None:
    if engine.dialect.name == "sqlite":
        database.ready(engine)
        assert database.is_current(engine)
        return
    with pytest.raises(ResourceError, match="db upgrade"):
        database.ready(engine)


def test_the_migrations_make_the_tables_the_code_uses(engine: sa.Engine) -> None:
    assert database.upgrade(engine) == database.upgrade(engine) == REVISION
    database.ready(engine)
    for table in metadata.tables.values():
        found = {column["name"] for column in sa.inspect(engine).get_columns(table.name)}
        assert found == {column.name for column in table.columns}


def test_the_newest_report_of_a_run_wins(engine: sa.Engine) -> None:
    database.upgrade(engine)
    when = datetime(2026, 1, 1, tzinfo=timezone.utc)
    for read in (1, 2):
        reports.save(engine, RunReport("a.b.c", "r1", counters=Counters(read=read), started_at=when))
    reports.save(engine, RunReport("a.b.c", "r2", status="failed", started_at=when.replace(year=2027)))
    reports.save(engine, RunReport("a.b.other", "r1", started_at=when))
    kept = reports.recent(engine, "a.b.c")
    assert [(one["run_id"], one["status"], one["counters"]["read"]) for one in kept] == [
        ("r2", "failed", 0),
        ("r1", "ok", 2),
    ]


def test_a_store_url_with_a_login_is_refused() -> None:
    with pytest.raises(ConfigError, match="name an Airflow connection"):
        database.open_store("postgresql://u:p@h/d", _no_connections)
