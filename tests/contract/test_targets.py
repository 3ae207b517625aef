"""Every target keeps the contract: SQLite, PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sync_provider.core.contracts import ConnectionInfo, Target
from sync_provider.core.targets.postgres import TARGET as POSTGRES
from sync_provider.testing.target_contract import TargetContract


class TestPostgres(TargetContract):
    schema = "ods 层"

    @pytest.fixture
    def target(self, postgres: ConnectionInfo) -> Iterator[Target]:
        opened = POSTGRES.open(postgres)
        yield opened
        opened.close()
