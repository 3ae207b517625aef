"""What cannot be built still gets a DAG: one failing task that says what is wrong and where."""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import sha256

from airflow.sdk import DAG

from sync_provider.dag_factory.schedules import ANCHOR
from sync_provider.dag_factory.texts import bullet, shortened
from sync_provider.operators.problem import ConfigProblem

#: the DAG of mistakes that belong to no source
PROJECT_DAG = "sync_config"
#: the task of a placeholder
TASK = "read_config"
_ID = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)?")
_MAX_ID, _MAX_TAG = 250, 100


def build_broken(dag_id: str, messages: Sequence[str], *tags: str, title: str = "", task_id: str = TASK) -> DAG:
    """Build the placeholder of one source, or of the project.

    Args:
        messages: each with file:line:col.
        title: the source's business name, where that much could be read.
        task_id: the task that was asked for and cannot be built.
    """
    told = [_storable(message) for message in messages]
    dag = DAG(
        allowed(dag_id) if task_id == TASK else dag_id,
        dag_display_name=shortened(f"{_storable(title or dag_id)} · config error"),
        schedule=None,
        start_date=ANCHOR,
        tags=sorted({_storable(tag)[:_MAX_TAG] for tag in tags} | {"config-error"}),
        doc_md="\n".join(("**The configuration is broken; nothing of this runs.**\n", *map(bullet, told))),
    )
    with dag:
        ConfigProblem(task_id=task_id, messages=told, retries=0)
    return dag


def allowed(dag_id: str) -> str:
    """Return an id Airflow takes; a file whose own name is the mistake gets one that no right file can have."""
    if len(dag_id) <= _MAX_ID and _ID.fullmatch(dag_id):
        return dag_id
    plain = re.sub(r"[^A-Za-z0-9_-]", "_", dag_id)[:200]
    return f"{PROJECT_DAG}.{plain}_{sha256(dag_id.encode('utf-8', 'surrogatepass')).hexdigest()[:6]}"


def _storable(text: str) -> str:
    """Return text that every database takes: names of files may be bytes that are no text."""
    return text.encode("utf-8", "replace").decode().replace("\0", "�")
