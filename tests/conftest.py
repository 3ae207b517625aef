"""Servers and connections for all tests: `postgres`, `mariadb` and `sqlite` give each an empty database of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sync_provider.core.contracts import ConnectionInfo
from sync_provider.core.errors import ConfigError
from tests.services.connections import airflow_conn
from tests.services.mariadb import MariadbServer
from tests.services.postgres import PostgresServer

_HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a running Airflow."""
    for item in items:
        room = item.path.relative_to(_HERE).parts[0] if item.path.is_relative_to(_HERE) else ""
        if room == "airflow":
            item.add_marker(pytest.mark.airflow)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One PostgreSQL server for all tests of this process."""
    server = PostgresServer.start()
    yield server
    server.stop()


@pytest.fixture
def postgres(postgres_server: PostgresServer) -> Iterator[ConnectionInfo]:
    """An empty PostgreSQL database, dropped after the test."""
    info = postgres_server.create_database()
    yield info
    postgres_server.drop_database(info)


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[MariadbServer]:
    """One MariaDB server for all tests of this process."""
    server = MariadbServer.start()
    yield server
    server.stop()


@pytest.fixture
def mariadb(mariadb_server: MariadbServer) -> Iterator[ConnectionInfo]:
    """An empty MariaDB database, dropped after the test."""
    info = mariadb_server.create_database()
    yield info
    mariadb_server.drop_database(info)


@pytest.fixture
def sqlite(tmp_path: Path) -> ConnectionInfo:
    """An empty SQLite database file."""
    return ConnectionInfo("lite", "sqlite", host=str(tmp_path / "lite.db"))


@pytest.fixture
def connect_env(monkeypatch: pytest.MonkeyPatch) -> Callable[[ConnectionInfo], None]:
    """A function that makes a connection known as Airflow and our CLI read it: `AIRFLOW_CONN_<ID>` as JSON."""

    def publish(info: ConnectionInfo) -> None:
        monkeypatch.setenv(*airflow_conn(info))

    return publish


@pytest.fixture
def lookup() -> Callable[..., Callable[[str], ConnectionInfo]]:
    """A function from connections to the `ConnectionLookup` that the core takes."""

    def make(*known: ConnectionInfo) -> Callable[[str], ConnectionInfo]:
        by_id = {info.id: info for info in known}

        def find(name: str) -> ConnectionInfo:
            if name not in by_id:
                raise ConfigError(f"connection '{name}' is not defined", "define it")
            return by_id[name]

        return find

    return make
