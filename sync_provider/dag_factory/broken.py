"""What cannot be built still gets a DAG: one failing task that says what is wrong and where."""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import sha256

from airflow.sdk import DAG

from sync_provider.dag_factory.schedules import ANCHOR
from sync_provider.dag_factory.texts import escaped
from sync_provider.operators.problem import ConfigProblem

#: the DAG of mistakes that belong to no source
PROJECT_DAG = "sync_config"


def build_broken(dag_id: str, messages: Sequence[str], *tags: str, title: str = "") -> DAG:
    """Build the placeholder of one source, or of the project.

    Args:
        messages: each with file:line:col.
        title: the source's business name, where that much could be read.
    """
    dag = DAG(
        _allowed(dag_id),
        dag_display_name=f"{title or dag_id} · config error",
        schedule=None,
        start_date=ANCHOR,
        tags=sorted({*tags, "config-error"}),
        doc_md="\n".join(("**The configuration is broken; nothing of this runs.**\n", *map(_bullet, messages))),
    )
    with dag:
        ConfigProblem(task_id="read_config", messages=messages, retries=0)
    return dag


def _bullet(message: str) -> str:
    """Return one message as an item of a list, without the excerpt: Airflow's page joins lines of code."""
    what, *rest = message.splitlines()
    where, _, said = what.partition(" ")
    fix = rest[-1].strip() if rest and rest[-1].startswith("  fix: ") else ""
    return f"- `{where.rstrip(':')}` {escaped(said)}" + (f"; {escaped(fix)}" if fix else "")


def _allowed(dag_id: str) -> str:
    """Return an id Airflow takes; a file whose own name is the mistake has one that it does not."""
    plain = re.sub(r"[^A-Za-z0-9_.-]", "_", dag_id)
    return plain if plain == dag_id else f"{plain}_{sha256(dag_id.encode()).hexdigest()[:6]}"
