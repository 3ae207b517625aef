"""A source that cannot be built still gets a DAG: one failing task that says what is wrong and where."""

from __future__ import annotations

from airflow.sdk import DAG

from sync_provider.dag_factory.schedules import ANCHOR
from sync_provider.operators.problem import ConfigProblem


def build_broken(library: str, source: str, messages: list[str]) -> DAG:
    """Build the placeholder of one source.

    Args:
        messages: each with file:line:col.
    """
    text = "\n".join(messages)
    dag = DAG(
        f"{library}.{source}",
        schedule=None,
        start_date=ANCHOR,
        tags=sorted({library, f"source:{source}", "config-error"}),
        doc_md=f"**The configuration of this source is broken; nothing of it runs.**\n\n```\n{text}\n```",
    )
    with dag:
        ConfigProblem(task_id="read_config", message=text, retries=0)
    return dag
