"""Projects on each target, and on each database source."""

from __future__ import annotations

from pathlib import Path

import pytest

from sync_provider.core.contracts import ConnectionInfo
from tests.integration.pipeline.project import Project


def _info(kind: str, request: pytest.FixtureRequest, path: Path) -> ConnectionInfo:
    if kind != "sqlite":
        info: ConnectionInfo = request.getfixturevalue(kind)
        return info
    return ConnectionInfo("lite", "sqlite", host=str(path))


@pytest.fixture(params=["sqlite", "postgres"])
def project(request: pytest.FixtureRequest, tmp_path: Path) -> Project:
    """A project whose target is SQLite, then PostgreSQL; the source database is of the same kind."""
    target = _info(request.param, request, tmp_path / "target.db")
    source = (
        target if request.param == "postgres" else ConnectionInfo("lite", "sqlite", host=str(tmp_path / "source.db"))
    )
    return Project.make(tmp_path, target, source)


@pytest.fixture
def maria(mariadb: ConnectionInfo, tmp_path: Path) -> Project:
    """A project on MariaDB; the source database is SQLite."""
    return Project.make(tmp_path, mariadb, ConnectionInfo("lite", "sqlite", host=str(tmp_path / "source.db")))


@pytest.fixture
def lite(tmp_path: Path) -> Project:
    """A project on SQLite."""
    target = ConnectionInfo("lite", "sqlite", host=str(tmp_path / "target.db"))
    return Project.make(tmp_path, target, ConnectionInfo("lite", "sqlite", host=str(tmp_path / "source.db")))


@pytest.fixture
def pg(postgres: ConnectionInfo, tmp_path: Path) -> Project:
    """A project on PostgreSQL."""
    return Project.make(tmp_path, postgres, postgres)
