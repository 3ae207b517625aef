"""What one reads who installed without the extra."""

from __future__ import annotations

import sys

import pytest

from sync_provider.core.contracts import ConnectionInfo
from sync_provider.core.errors import ConfigError
from sync_provider.core.systems.postgres.session import PgSession


def test_postgres_without_its_driver_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "asyncpg", None)

    with pytest.raises(ConfigError) as caught:
        PgSession(ConnectionInfo("dwh", "postgres", host="127.0.0.1"))
    assert str(caught.value) == (
        "postgres connection 'dwh': the package 'asyncpg' is not installed\n"
        "  fix: install the extra: pip install 'airflow-provider-sync[postgres]'"
    )
