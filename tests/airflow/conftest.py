"""The one Airflow that all tests in this folder share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from sync_provider.core.contracts import ConnectionInfo
from tests.airflow.cluster import Cluster
from tests.services.postgres import PostgresServer


@pytest.fixture(scope="session")
def shop(postgres_server: PostgresServer) -> ConnectionInfo:
    """The PostgreSQL database that sources read, known to Airflow as `shop`."""
    return replace(postgres_server.create_database(), id="shop")


@pytest.fixture(scope="session")
def warehouse(postgres_server: PostgresServer) -> ConnectionInfo:
    """The PostgreSQL database that is written to, known to Airflow as `warehouse`."""
    return replace(postgres_server.create_database(), id="warehouse")


@pytest.fixture(scope="session")
def cluster(postgres_server: PostgresServer, shop: ConnectionInfo, warehouse: ConnectionInfo) -> Iterator[Cluster]:
    """A running Airflow; add sources with `cluster.write("config/sources/…")` and `cluster.reparse()`."""
    running = Cluster.start(postgres_server.create_database(), (shop, warehouse))
    yield running
    running.stop()
    assert running.live() == set(), "processes left behind"
