"""Project → Airflow DAGs: schedules and task groups."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from airflow.sdk import DAG, get_parsing_context

from sync_provider.core.plan import load_project
from sync_provider.dag_factory.broken import PROJECT_DAG, TASK, build_broken
from sync_provider.dag_factory.dag import build_dag
from sync_provider.dag_factory.kept import Kept
from sync_provider.dag_factory.layout import Trouble, layout, source_of
from sync_provider.dag_factory.places import config_dir, environment, known_pools, last_good_dir, put_plugins_on_path
from sync_provider.dag_factory.texts import require_storable

if TYPE_CHECKING:
    from sync_provider.core.contracts import Plan
    from sync_provider.core.plan import LoadedSource, Project


def build_dags(default: Path) -> dict[str, DAG]:
    """Build the DAGs of all sources; in a task's process only those of the one source it needs.

    A source that is broken runs on as it was when it was good, or becomes a DAG that says what is wrong; it touches no
    other.

    Args:
        default: the config folder, unless `[sync] config_dir` names another.
    """
    config = config_dir(default)
    context = get_parsing_context()
    asked = context.dag_id
    # the DAGs of files that cannot have one of their own are found where all are looked at
    everything = asked is None or asked.partition(".")[0] == PROJECT_DAG
    only = None if everything else source_of(str(asked))
    if not everything and only is None:
        return {}
    put_plugins_on_path(config)
    with _uncollected():
        return _build(config, only, asked, context.task_id)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Keep Python from looking for garbage while objects by the ten thousands are made that all stay."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def _build(config: Path, only: tuple[str, str] | None, asked: str | None, task_id: str | None) -> dict[str, DAG]:
    project, pools = load_project(config, environment(), only), known_pools(config)
    kept = Kept(project, last_good_dir(config), writes=asked is None)
    dags = _build_project(project)
    for source in (*project.sources, *kept.unread()):
        dags += _build_source(source, pools, kept)
    kept.forget()
    found = {dag.dag_id: dag for dag in dags if asked in (None, dag.dag_id)}
    return found if asked is None or task_id is None else _with_task(found, project, asked, task_id)


def _build_project(project: Project) -> list[DAG]:
    """Build the DAG that tells of what belongs to no source: project.yaml, files in the wrong place."""
    messages = [problem.text() for problem in project.own_problems if problem.severity == "error"]
    return [build_broken(PROJECT_DAG, messages)] if messages else []


def _build_source(source: LoadedSource, pools: frozenset[str], kept: Kept) -> list[DAG]:
    """Build the DAGs of one source as it is, else as it last was when it was good, else one that says what is wrong."""
    messages = tuple(problem.text() for problem in source.problems)
    if not messages:
        try:
            dags = list(_dags_of(source.id, source.plans, pools))
            kept.keep(source)
            return dags
        except Exception as error:  # noqa: BLE001 - Airflow's own checks raise anything; one must not take all down
            messages = (f"{source.file}:1:1: {type(error).__name__}: {error}",)
    try:
        version = kept.find(source)
        if version is not None:
            return list(_dags_of(source.id, version.plans, pools, Trouble(messages, version.saved)))
    except Exception as error:  # noqa: BLE001 - as above, and looking for a copy may raise anything too
        messages += (f"{source.file}:1:1: {error}",)
    return [build_broken(source.id, messages, source.library, title=source.title)]


def _dags_of(
    dag_id: str, plans: Sequence[Plan], pools: frozenset[str], trouble: Trouble | None = None
) -> Iterator[DAG]:
    for plan in layout(dag_id, plans, trouble):
        require_storable(plan)
        dag = build_dag(plan, pools)
        dag.validate()
        yield dag


def _with_task(found: dict[str, DAG], project: Project, asked: str, task_id: str) -> dict[str, DAG]:
    """Return the DAGs; where the task that is to run is in none of them, with one that says why."""
    if asked in found and task_id in found[asked].task_dict:
        return found
    messages = [problem.text() for source in project.sources for problem in source.problems]
    if messages:
        messages.append(f"task {task_id!r} is of the last good version, and this machine has no copy of that\n"
                        "  fix: let it see the folder `[sync] last_good_dir` of the DAG processor, or name a server "
                        "in `store:`")  # fmt: skip
    elif task_id == TASK:
        messages.append("this file by itself is right: what is wrong is about several files, or mended by now\n"
                        "  fix: run `sync-provider validate`")  # fmt: skip
    return {asked: build_broken(asked, messages, task_id=task_id)} if messages else found
