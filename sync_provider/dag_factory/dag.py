"""One DagPlan → one Airflow DAG."""

from __future__ import annotations

from airflow.sdk import DAG

from sync_provider.dag_factory.form import params
from sync_provider.dag_factory.group import build_group
from sync_provider.dag_factory.layout import DagPlan
from sync_provider.dag_factory.schedules import start_date, timetable
from sync_provider.dag_factory.texts import dag_name, doc_md, tags, warning

#: enough for a run that skips, or cancels the one before it, to meet that one
_RUNS_THAT_MEET = 4


def build_dag(plan: DagPlan, pools: frozenset[str]) -> DAG:
    """Build one DAG with a task group per interface."""
    waits = all(each.overlap == "wait" for each in plan.plans)
    dag = DAG(
        plan.dag_id,
        dag_display_name=dag_name(plan),
        schedule=timetable(plan.schedule, [each.config_hash for each in plan.plans]) if plan.enabled else None,
        start_date=start_date(plan.schedule),
        catchup=plan.schedule.catchup,
        max_active_runs=1 if waits else _RUNS_THAT_MEET,
        tags=tags(plan),
        doc_md=doc_md(plan),
    )
    with dag:
        for each in plan.plans:
            group = build_group(each, pools)
            if plan.trouble:
                group.tooltip = f"{warning(plan.trouble)} · {group.tooltip}"
    # added last: given to DAG(), Airflow would copy the form into every task it stores. Added one by one: set as a
    # whole, each default, which is ours, would be checked against its schema with every parse
    dag.params.update(params(plan.plans))
    return dag
