"""Every target keeps the contract: SQLite, PostgreSQL, MariaDB."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import pytest

from sync_provider.core.contracts import ConnectionInfo, Target
from sync_provider.core.targets.mysql import TARGET as MYSQL
from sync_provider.core.targets.postgres import TARGET as POSTGRES
from sync_provider.core.targets.sqlite import TARGET as SQLITE
from sync_provider.testing.target_contract import TargetContract


class TestPostgres(TargetContract):
    schema = "ods 层"

    @pytest.fixture
    def target(self, postgres: ConnectionInfo) -> Iterator[Target]:
        opened = POSTGRES.open(postgres)
        yield opened
        opened.close()


class TestSqlite(TargetContract):
    folds_case = True

    @pytest.fixture
    def target(self, sqlite: ConnectionInfo) -> Iterator[Target]:
        opened = SQLITE.open(sqlite)
        yield opened
        opened.close()

    def shown(self, value: Any) -> str:
        """Times are text of fixed width, booleans 0 and 1, short decimals numbers."""
        if isinstance(value, datetime):
            return value.isoformat(" ", "microseconds")
        if isinstance(value, time):
            return value.isoformat("microseconds")
        if isinstance(value, bool | date):
            return str(int(value)) if isinstance(value, bool) else value.isoformat()
        if isinstance(value, Decimal) and len(value.as_tuple().digits) <= 15:
            return str(float(value))
        return str(value)


class TestMariadb(TargetContract):
    folds_case = True
    infinity = False
    described = {"boolean": "int16"}  # noqa: RUF012 - never changed

    @pytest.fixture
    def target(self, mariadb: ConnectionInfo) -> Iterator[Target]:
        opened = MYSQL.open(mariadb)
        yield opened
        opened.close()

    def shown(self, value: Any) -> str:
        """A boolean is a small number."""
        return str(int(value)) if isinstance(value, bool) else str(value)

    def quoted(self, table: str) -> str:
        """People's own statements are MySQL's: a text stands in double quotes there, too."""
        return f"`{table}`"
