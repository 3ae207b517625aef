"""Rows an append reads more than once: which of the target's rows they replace, told by the cursor."""

from __future__ import annotations

import re
from collections.abc import Mapping

from sync_provider.core.contracts import ColumnType, Plan
from sync_provider.core.engine.request import Ticket
from sync_provider.core.engine.stages import Stages
from sync_provider.core.errors import ConfigError

_TIMES = ("date", "timestamp", "timestamptz")


def cursor_in_target(plan: Plan, stages: Stages) -> str | None:
    """Return the target column that holds the cursor as it was read, or None where it does not arrive so."""
    if plan.increment is None:
        return None
    renamed = {column.name: column for column in plan.columns}
    column = renamed.get(plan.increment.cursor)
    name = column.to if column else plan.increment.cursor
    changed = column is not None and (column.drop or column.expr is not None)
    return None if changed or name not in stages.columns or name in stages.masked else name


def check_reread(plan: Plan, stages: Stages, source: Mapping[str, ColumnType], dialect: str) -> None:
    """Refuse an append whose target could not tell, by the cursor, which of its rows are read again.

    Raises:
        ConfigError: the cursor does not arrive, or not in the order and to the microsecond it was read in.
    """
    if plan.write != "append" or plan.increment is None:
        return
    name = cursor_in_target(plan, stages)
    if name is None:
        why = "does not arrive in the target as it is read"
    else:
        why = _unlike(plan, source[plan.increment.cursor], stages.columns[name], dialect)
    if why:
        raise ConfigError(
            f"interface {plan.id!r}: the cursor {plan.increment.cursor!r} {why}, so rows that are read again could "
            "not be told from others",
            fix="keep its type and its value, in a column of its own if need be, or give a `primary_key:`",
        )


def _unlike(plan: Plan, have: ColumnType, want: ColumnType, dialect: str) -> str:
    """Return how the target's values differ from the cursor's; '' where a bound of one is a bound of the other."""
    cursor = plan.increment.cursor if plan.increment else ""
    zone = next((column.timezone for column in plan.columns if column.name == cursor), None)
    if zone not in (None, "UTC") and have.kind != want.kind:
        return f"is moved from or to the clock of {zone}"
    if want.kind not in _TIMES and not (want.kind == "text" and dialect == "sqlite"):
        return f"is {want} in the target"
    if _digits(want) < _digits(have):
        return f"is rounded to {want.raw} in the target"
    return ""


def _digits(column: ColumnType) -> int:
    """Return how many digits of a second a server keeps."""
    found = re.search(r"\((\d)\)", column.raw) if column.kind in ("timestamp", "timestamptz") else None
    return int(found[1]) if found else 6


def reread(plan: Plan, cursor: str | None, ticket: Ticket | None) -> tuple[str, str | None] | None:
    """Say which rows of the target an append reads once more, and so replaces: column and first value.

    A window without a lower bound is read once more when a person names it, or when its run is cleared: rows of
    such a run may have been written again since, by the run after it, whose window begins where this one ends.
    """
    if plan.write != "append" or cursor is None or ticket is None or ticket.window.kind == "full":
        return None
    window = ticket.window
    if window.since is None and (window.until is None or (window.kind == "incremental" and not ticket.again)):
        return None
    return cursor, window.since
