"""Project → Airflow DAGs: schedules and task groups."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from airflow.sdk import DAG, get_parsing_context

from sync_provider.core.plan import load_project
from sync_provider.dag_factory.broken import PROJECT_DAG, build_broken
from sync_provider.dag_factory.dag import build_dag
from sync_provider.dag_factory.layout import layout, source_of
from sync_provider.dag_factory.places import config_dir, environment, known_pools, put_plugins_on_path

if TYPE_CHECKING:
    from sync_provider.core.plan import LoadedSource, Project


def build_dags(default: Path) -> dict[str, DAG]:
    """Build the DAGs of all sources; in a task's process only those of the one source it needs.

    One source that is broken becomes a DAG that says so and touches no other.

    Args:
        default: the config folder, unless `[sync] config_dir` names another.
    """
    config = config_dir(default)
    asked = get_parsing_context().dag_id
    only = source_of(asked) if asked else None
    if asked not in (None, PROJECT_DAG) and only is None:
        return {}
    put_plugins_on_path(config)
    project, pools = load_project(config, environment(), only), known_pools(config)
    dags = _build_project(project)
    for source in project.sources:
        dags += _build_source(source, pools)
    return {dag.dag_id: dag for dag in dags if asked in (None, dag.dag_id)}


def _build_project(project: Project) -> list[DAG]:
    """Build the DAG that tells of what belongs to no source: project.yaml, files in the wrong place."""
    messages = [problem.text() for problem in project.own_problems if problem.severity == "error"]
    return [build_broken(PROJECT_DAG, messages)] if messages else []


def _build_source(source: LoadedSource, pools: frozenset[str]) -> list[DAG]:
    if source.problems:
        messages = [problem.text() for problem in source.problems]
        return [build_broken(source.id, messages, source.library, title=source.title)]
    try:
        return list(_dags_of(source, pools))
    except Exception as error:  # noqa: BLE001 - Airflow's own checks raise anything; one source must not take all down
        message = f"{source.file}: {type(error).__name__}: {error}"
        return [build_broken(source.id, [message], source.library, title=source.title)]


def _dags_of(source: LoadedSource, pools: frozenset[str]) -> Iterator[DAG]:
    for plan in layout(source.id, source.plans):
        dag = build_dag(plan, pools)
        dag.validate()
        yield dag
