"""An interface in a few words: what is read, where it goes, and how."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sync_provider.core.contracts import Plan


def route(plan: Plan) -> str:
    """Return `sqlite shop.items → ods.items · incremental by updated_at, merge`."""
    return f"{plan.source.type} {origin(plan)} → {target_of(plan)} · {how(plan)}"


def origin(plan: Plan) -> str:
    """Return what is read, as people call it: files, or a table."""
    options = plan.source.options
    if options.get("files"):
        return str(options["files"])
    table, schema = options.get("table") or plan.interface, options.get("schema")
    return f"{schema}.{table}" if schema else str(table)


def target_of(plan: Plan) -> str:
    """Return schema and table rows are written to."""
    return f"{plan.target.schema}.{plan.target.table}" if plan.target.schema else plan.target.table


def how(plan: Plan) -> str:
    """Return mode and write in a few words."""
    by = f" by {plan.increment.cursor}" if plan.increment else ""
    return f"{plan.mode}{by}, {plan.write}"
