"""What people read in Airflow: names, tooltips, tags and the DAG's page of documentation."""

from __future__ import annotations

import re
from datetime import timedelta
from hashlib import sha256
from pathlib import PurePath

from sync_provider.core.contracts import Plan
from sync_provider.dag_factory.layout import DagPlan, Trouble
from sync_provider.operators.route import how, route, target_of

#: what Airflow's page would take for formatting
_MARKDOWN = re.compile(r"([\\`*_<>\[\]|#~])")
#: Airflow's column holds 2,000, its page far less
_LONGEST_NAME = 200
#: Airflow's column for the owners of a DAG
_MAX_OWNERS = 2000


def display_name(dag: DagPlan) -> str:
    """Return the DAG's business name, or its id."""
    first = dag.plans[0]
    names = [first.source_title or f"{first.library}.{first.source_name}"]
    if not dag.dag_id.endswith(f"{first.library}.{first.source_name}"):
        names.append(first.title or first.interface)
    if dag.part:
        names[1:] = [dag.part]
    titled = first.source_title or (first.title and not dag.part)
    return shortened(" · ".join(names) if titled else dag.dag_id)


def dag_name(dag: DagPlan) -> str:
    """Return the name in Airflow's list of DAGs: it tells of a configuration that is broken."""
    return f"{display_name(dag)} · config error" if dag.trouble else display_name(dag)


def shortened(name: str) -> str:
    """Return a name that Airflow can keep."""
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"


def warning(trouble: Trouble) -> str:
    """Return in one line that this is the last good version, and what is wrong: what one sees before all else."""
    more = f" (and {len(trouble.messages) - 1} more)" if len(trouble.messages) > 1 else ""
    return f"last good version; {trouble.messages[0].splitlines()[0]}{more}"


def tooltip(plan: Plan) -> str:
    """Return the interface's route, and that it is disabled when it is."""
    return route(plan) if plan.schedule.enabled else f"{route(plan)} · disabled"


def tags(dag: DagPlan) -> list[str]:
    """Return library, source, type, `batch`, the user's own, and `disabled` where nothing runs by itself."""
    first = dag.plans[0]
    own = {tag for plan in dag.plans for tag in plan.tags}
    ours = {first.library, f"source:{first.source_name}", f"type:{first.source.type}", "batch"}
    states = {"disabled": not dag.enabled, "config-error": dag.trouble is not None, f"group:{first.group}": first.group}
    return sorted(own | ours | {state for state, is_so in states.items() if is_so})


def doc_md(dag: DagPlan) -> str:
    """Return what, where from, when, who, and a table of the interfaces; three columns fit Airflow's page."""
    first = dag.plans[0]
    via = f" through connection `{first.source.connection}`" if first.source.connection else ""
    owner = f", owner {escaped(first.owner)}" if first.owner else ""
    rows = "\n".join(f"| {_named(plan)} | {target_of(plan)} | {_how(plan)} |" for plan in dag.plans)
    versions = sha256("".join(plan.config_hash for plan in dag.plans).encode()).hexdigest()[:12]
    file = "/".join(PurePath(first.config_file).parts[-4:])
    return (
        f"{_last_good(dag.trouble)}"
        f"**{escaped(display_name(dag))}** (`{dag.dag_id}`): {first.source.type}{via}{owner}, {_when(dag)}\n\n"
        f"| interface | target | how |\n|---|---|---|\n{rows}\n\n"
        f"`{file}`, version `{versions}`"
    )


def bullet(message: str) -> str:
    """Return one message as an item of a list, without the excerpt: Airflow's page joins lines of code."""
    what, *rest = message.splitlines()
    where, _, said = what.partition(" ")
    fix = rest[-1].strip() if rest and rest[-1].startswith("  fix: ") else ""
    return f"- `{where.rstrip(':')}` {escaped(said)}" + (f"; {escaped(fix)}" if fix else "")


def _last_good(trouble: Trouble | None) -> str:
    if trouble is None:
        return ""
    listed = "\n".join(map(bullet, trouble.messages))
    return f"**The configuration is broken; its last good version, of {trouble.saved}, runs.**\n\n{listed}\n\n"


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


def require_storable(dag: DagPlan) -> None:
    """Refuse texts that Airflow's tables cannot hold: one such row would keep all other DAGs from being stored.

    Raises:
        ValueError: it says which.
    """
    for plan in dag.plans:
        for key, text in (
            ("title", plan.title + plan.source_title),
            ("owner", plan.owner),
            ("tags", "".join(plan.tags)),
        ):
            if "\0" in text:
                raise ValueError(f"`{key}:` of {plan.id} holds the character U+0000, which databases refuse")
    if sum(len(owner) + 2 for owner in {plan.owner for plan in dag.plans}) > _MAX_OWNERS:
        raise ValueError(f"`owner:` is longer than the {_MAX_OWNERS:,} characters Airflow keeps of a DAG")
