"""What people read in Airflow: names, tooltips, tags and the DAG's page of documentation."""

from __future__ import annotations

from hashlib import sha256

from sync_provider.core.contracts import Plan
from sync_provider.dag_factory.layout import DagPlan


def display_name(dag: DagPlan) -> str:
    """Return the DAG's business name, or its id."""
    first = dag.plans[0]
    names = [first.source_title or f"{first.library}.{first.source_name}"]
    if not dag.dag_id.endswith(f"{first.library}.{first.source_name}"):
        names.append(first.title or first.interface)
    titled = first.source_title or first.title
    return " · ".join(names) if titled else dag.dag_id


def tooltip(plan: Plan) -> str:
    """Return `sqlite shop.items → ods.items · incremental by updated_at`."""
    return f"{plan.source.type} {origin(plan)} → {target_of(plan)} · {how(plan)}"


def origin(plan: Plan) -> str:
    """Return what is read, as people call it: files, or a table."""
    options = plan.source.options
    if options.get("files"):
        return str(options["files"])
    table, schema = options.get("table") or plan.interface, options.get("schema")
    return f"{schema}.{table}" if schema else str(table)


def how(plan: Plan) -> str:
    """Return mode and write in a few words."""
    by = f" by {plan.increment.cursor}" if plan.increment else ""
    return f"{plan.mode}{by}, {plan.write}"


def tags(dag: DagPlan) -> list[str]:
    """Return library, source, type, `batch`, the user's own, and `disabled` where nothing runs by itself."""
    first = dag.plans[0]
    own = {tag for plan in dag.plans for tag in plan.tags}
    ours = {first.library, f"source:{first.source_name}", f"type:{first.source.type}", "batch"}
    return sorted(own | ours | (set() if dag.enabled else {"disabled"}))


def doc_md(dag: DagPlan) -> str:
    """Return what, where from, who, and a table of the interfaces; three columns fit Airflow's page."""
    first = dag.plans[0]
    owner = f", owner {first.owner}" if first.owner else ""
    via = f" through connection `{first.source.connection}`" if first.source.connection else ""
    rows = "\n".join(f"| {plan.title or plan.interface} | {target_of(plan)} | {how(plan)} |" for plan in dag.plans)
    versions = sha256("".join(plan.config_hash for plan in dag.plans).encode()).hexdigest()[:12]
    return (
        f"**{display_name(dag)}**: {first.source.type}{via}{owner}\n\n"
        f"| interface | target | how |\n|---|---|---|\n{rows}\n\n"
        f"`{first.config_file}`, version `{versions}`"
    )


def target_of(plan: Plan) -> str:
    """Return schema and table rows are written to."""
    return f"{plan.target.schema}.{plan.target.table}" if plan.target.schema else plan.target.table
