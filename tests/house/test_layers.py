"""Who may load whom: measured in fresh processes, because an import inside a function escapes every linter."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.house.sources import ROOT

ENGINES = {
    "polars", "pyarrow", "pgpq", "asyncpg", "psycopg", "psycopg2", "MySQLdb", "pymysql", "great_expectations", "pandas",
    "numpy",
}  # fmt: skip
_IMPORT_ALL = """
import importlib, json, pkgutil, sys
import {root} as root
names = [m.name for m in pkgutil.walk_packages(root.__path__, root.__name__ + ".") if ".migrations" not in m.name]
for name in names:
    importlib.import_module(name)
print(json.dumps([names, sorted({{name.split(".")[0] for name in sys.modules}})]))
"""


def test_no_module_of_core_or_testing_loads_airflow() -> None:
    for root, least in (("sync_provider.core", 40), ("sync_provider.testing", 1)):
        names, loaded = json.loads(_run(_IMPORT_ALL.format(root=root)))
        assert len(names) >= least
        assert "airflow" not in loaded


def test_words_and_connectors_are_imported_without_their_engines() -> None:
    for room in ("config", "plan", "contracts", "rules", "cleaners", "masks", "sources", "targets"):
        _, loaded = json.loads(_run(_IMPORT_ALL.format(root=f"sync_provider.core.{room}")))
        assert ENGINES & set(loaded) == set(), room


def test_a_dag_file_is_parsed_without_any_engine(tmp_path: Path) -> None:
    code = f"""
import json, sys
from pathlib import Path
from sync_provider.dag_factory import build_dags
dags = build_dags(Path({str(ROOT / "demo" / "config")!r}))
print(json.dumps([sorted(dags), sorted({{name.split(".")[0] for name in sys.modules}})]))
"""
    dags, loaded = json.loads(_run(code, AIRFLOW_HOME=str(tmp_path)))
    assert dags == ["demo.shop_db", "demo.shop_files"]
    assert ENGINES & set(loaded) == set()


_EVERY_WORD = """
source: {type: %s, connection: shop}
target: {connection: dwh}
schedule: {interval: 90m, start: 2026-01-01T00:20:00}
window: "01:00-06:00 Asia/Shanghai"
interfaces:
  a: {write: replace, replace: swap, schedule: once, load: staged, table: t, target: {table: %s_a}}
  b:
    primary_key: id
    deletes: {mode: hard, when: "gone = 1"}
    execution: fused
    incremental: {cursor: at}
    table: t
    target: {table: %s_b}
"""


def test_every_source_type_is_parsed_without_any_engine_broken_ones_too(tmp_path: Path) -> None:
    """The second parse takes what the first one kept: no server is asked, and no engine needed."""
    folder = tmp_path / "config" / "sources" / "erp"
    folder.mkdir(parents=True)
    kinds = ("mysql", "postgres", "sql", "sqlite")
    for kind in kinds:
        (folder / f"{kind}.yaml").write_text(_EVERY_WORD % (kind, kind, kind))
    code = f"""
import json, sys
from pathlib import Path
from sync_provider.dag_factory import build_dags
dags = build_dags(Path({str(tmp_path / "config")!r}))
print(json.dumps([{{name: sorted(dag.tags) for name, dag in dags.items()}}, sorted(sys.modules)]))
"""
    for broken in (False, True):
        tags, loaded = json.loads(_run(code, AIRFLOW_HOME=str(tmp_path / "airflow")))
        assert sorted(tags) == sorted(name for kind in kinds for name in (f"erp.{kind}", f"erp.{kind}.a"))
        assert {"config-error" in each for each in tags.values()} == {broken}
        assert ENGINES & {name.split(".")[0] for name in loaded} == set()
        assert not any(name.startswith("sync_provider.core.store") for name in loaded)
        for kind in kinds:
            (folder / f"{kind}.yaml").write_text((_EVERY_WORD % (kind, kind, kind)).replace("replace: swap", "x: 1"))


def test_import_linter_keeps_the_layers() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


def _run(code: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, env={**os.environ, **environment}
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]
