"""One parse as a child of the dag-processor does it, measured: runs in any environment that has Airflow, alone.

`python parse.py pass <dags folder>` parses a folder and serialises its DAGs; `task <dags folder> <dag id>` is what a
task's process parses; `compile <config folder>` reads YAML into plans. Airflow is imported before the clock starts, as
the dag-processor forks with it. Prints one JSON object.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any


def main() -> None:
    """Do what the arguments say and print seconds."""
    what, folder, *more = sys.argv[1:]
    print(json.dumps({"pass": whole_pass, "task": task, "compile": compiled}[what](folder, *more)))


def whole_pass(folder: str) -> dict[str, Any]:
    """Parse and serialise all DAGs of a folder."""
    import structlog
    from airflow.dag_processing.dagbag import BundleDagBag
    from airflow.dag_processing.processor import _serialize_dags
    from airflow.sdk import DAG, BaseOperator, Param, TaskGroup  # noqa: F401 - what every DAG file needs

    wall, cpu = time.perf_counter(), time.process_time()
    bag = BundleDagBag(dag_folder=folder, bundle_path=Path(folder), bundle_name="bench", load_op_links=False)
    parsed = time.perf_counter()
    stored, errors = _serialize_dags(bag, structlog.get_logger())
    if bag.import_errors or errors:
        raise SystemExit(f"{bag.import_errors} {errors}")
    return {
        "wall": time.perf_counter() - wall,
        "cpu": time.process_time() - cpu,
        "parse": parsed - wall,
        "dags": len(stored),
        "tasks": sum(len(dag.task_dict) for dag in bag.dags.values()),
    }


def task(folder: str, dag_id: str) -> dict[str, Any]:
    """Import our factory and build one DAG, as in a task's process."""
    os.environ["_AIRFLOW_PARSING_CONTEXT_DAG_ID"] = dag_id
    from airflow.sdk import DAG, BaseOperator, Param, TaskGroup  # noqa: F401
    from airflow.sdk.configuration import conf  # noqa: F401

    wall = time.perf_counter()
    from sync_provider.dag_factory import build_dags

    found = build_dags(Path(folder).parent / "config")
    seconds = time.perf_counter() - wall
    if list(found) != [dag_id] or "config-error" in found[dag_id].tags:
        raise SystemExit(f"built {list(found)}")
    return {"wall": seconds}


def compiled(folder: str) -> dict[str, Any]:
    """Read a config folder for the first time in this process, and again."""
    first = time.perf_counter()
    from sync_provider.core.plan import load_project

    plans = len(load_project(Path(folder)).plans)
    second = time.perf_counter()
    load_project(Path(folder))
    return {"cold": second - first, "warm": time.perf_counter() - second, "plans": plans}


if __name__ == "__main__":
    main()
