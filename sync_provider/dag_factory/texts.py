"""What people read in Airflow: names, tooltips, tags and the DAG's page of documentation."""

from __future__ import annotations

import re
from datetime import timedelta
from hashlib import sha256
from pathlib import PurePath

from sync_provider.core.contracts import Plan
from sync_provider.dag_factory.layout import DagPlan
from sync_provider.operators.route import how, route, target_of

#: what Airflow's page would take for formatting
_MARKDOWN = re.compile(r"([\\`*_<>\[\]|#~])")


def display_name(dag: DagPlan) -> str:
    """Return the DAG's business name, or its id."""
    first = dag.plans[0]
    names = [first.source_title or f"{first.library}.{first.source_name}"]
    if not dag.dag_id.endswith(f"{first.library}.{first.source_name}"):
        names.append(first.title or first.interface)
    titled = first.source_title or first.title
    return " · ".join(names) if titled else dag.dag_id


def tooltip(plan: Plan) -> str:
    """Return the interface's route, and that it is disabled when it is."""
    return route(plan) if plan.schedule.enabled else f"{route(plan)} · disabled"


def tags(dag: DagPlan) -> list[str]:
    """Return library, source, type, `batch`, the user's own, and `disabled` where nothing runs by itself."""
    first = dag.plans[0]
    own = {tag for plan in dag.plans for tag in plan.tags}
    ours = {first.library, f"source:{first.source_name}", f"type:{first.source.type}", "batch"}
    return sorted(own | ours | (set() if dag.enabled else {"disabled"}))


def doc_md(dag: DagPlan) -> str:
    """Return what, where from, when, who, and a table of the interfaces; three columns fit Airflow's page."""
    first = dag.plans[0]
    via = f" through connection `{first.source.connection}`" if first.source.connection else ""
    owner = f", owner {escaped(first.owner)}" if first.owner else ""
    rows = "\n".join(f"| {_named(plan)} | {target_of(plan)} | {_how(plan)} |" for plan in dag.plans)
    versions = sha256("".join(plan.config_hash for plan in dag.plans).encode()).hexdigest()[:12]
    file = "/".join(PurePath(first.config_file).parts[-4:])
    return (
        f"**{escaped(display_name(dag))}** (`{dag.dag_id}`): {first.source.type}{via}{owner}, {_when(dag)}\n\n"
        f"| interface | target | how |\n|---|---|---|\n{rows}\n\n"
        f"`{file}`, version `{versions}`"
    )


def escaped(text: str) -> str:
    """Return text that markdown shows as it is."""
    return _MARKDOWN.sub(r"\\\1", text)


def _named(plan: Plan) -> str:
    """Return the business name, and the id that task pages and logs show."""
    return f"{escaped(plan.title)} `{plan.interface}`" if plan.title else f"`{plan.interface}`"


def _how(plan: Plan) -> str:
    return how(plan) if plan.schedule.enabled else f"{how(plan)}; disabled"


def _when(dag: DagPlan) -> str:
    """Return the schedule with its time zone, which Airflow's page leaves out."""
    plan = dag.schedule
    if not dag.enabled:
        return "disabled"
    if plan.kind == "cron":
        return f"`{plan.cron}` in {plan.timezone}"
    return f"every {timedelta(seconds=plan.interval_s)}" if plan.interval_s else plan.kind
