"""Random writers, late commits, kills and runs: when all is at rest, the target equals the source."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sync_provider.core.contracts import ConnectionInfo
from tests.integration.pipeline.project import Project
from tests.integration.pipeline.truth import World

RUNS = int(os.environ.get("SYNC_TRUTH_RUNS", "4"))
SEEDS = [int(seed) for seed in os.environ.get("SYNC_TRUTH_SEEDS", "1").split(",")]
#: (source, target, strategy, execution)
WORLDS = [
    ("postgres", "postgres", "timestamp", "fused"),
    ("postgres", "sqlite", "timestamp", "staged"),
    ("postgres", "postgres", "key", "staged"),
    ("postgres", "postgres", "key_append", "fused"),
    ("postgres", "mysql", "flag", "fused"),
    ("postgres", "postgres", "deletes", "fused"),
    ("postgres", "mysql", "replace", "staged"),
    ("sqlite", "sqlite", "timestamp", "fused"),
    ("sqlite", "postgres", "flag", "staged"),
    ("mysql", "postgres", "timestamp", "fused"),
    ("mysql", "sqlite", "key", "staged"),
    ("mysql", "postgres", "key_append", "fused"),
    ("mysql", "postgres", "flag", "fused"),
    ("mysql", "mysql", "deletes", "fused"),
]
#: PostgreSQL and MySQL know which transactions are open; SQLite has one writer, but its rows are dated when it begins
LAG = {"postgres": "0s", "sqlite": "5s", "mysql": "0s"}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("source", "target", "strategy", "execution"), WORLDS, ids=["-".join(world) for world in WORLDS]
)
def test_the_target_equals_the_source_at_the_end(
    request: pytest.FixtureRequest, tmp_path: Path, source: str, target: str, strategy: str, execution: str, seed: int
) -> None:
    project = Project.make(tmp_path, _database(request, tmp_path, target), _database(request, tmp_path, source, "shop"))
    world = World(project, strategy, seed, execution, lag=LAG[source] if strategy in ("timestamp", "deletes") else "")
    world.prepare()
    world.live(RUNS)
    assert world.difference() == ([], []), world.faults


def _database(request: pytest.FixtureRequest, folder: Path, kind: str, name: str = "dwh") -> ConnectionInfo:
    """Return an empty database; source and target of one server are two databases, ours and the users'."""
    if kind == "sqlite":
        return ConnectionInfo(name, "sqlite", host=str(folder / f"{name}.db"))
    server = request.getfixturevalue(f"{kind}_server".replace("mysql", "mariadb"))
    info: ConnectionInfo = server.create_database()
    request.addfinalizer(lambda: server.drop_database(info))
    return info
