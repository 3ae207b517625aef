"""Rows an append reads more than once: which of the target's rows they replace, told by the cursor."""

from __future__ import annotations

import re
from collections.abc import Mapping

from sync_provider.core.contracts import ColumnType, Plan
from sync_provider.core.engine.request import Ticket
from sync_provider.core.engine.stages import Stages
from sync_provider.core.errors import ConfigError
from sync_provider.core.systems import increments

_TIMES = ("date", "timestamp", "timestamptz")
_NUMBERS = ("int16", "int32", "int64", "decimal")


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
    if plan.increment and plan.increment.strategy == "key":
        whole = increments.is_number(have) and want.kind in _NUMBERS
        return "" if whole else f"is {want} in the target, and only whole numbers have one order everywhere"
    if want.kind not in _TIMES and not (want.kind == "text" and dialect == "sqlite"):
        return f"is {want} in the target"
    if _digits(want) < _digits(have):
        return f"is rounded to {want.raw} in the target"
    return ""


def _digits(column: ColumnType) -> int:
    """Return how many digits of a second a server keeps."""
    found = re.search(r"\((\d)\)", column.raw) if column.kind in ("timestamp", "timestamptz") else None
    return int(found[1]) if found else 6


def cursor_order(plan: Plan, ticket: Ticket) -> str:
    """Return how the plan's checkpoints are compared: time | number | text."""
    column = ticket.source_columns.get(plan.increment.cursor) if plan.increment else None
    return increments.order_of(plan.increment, column) if plan.increment and column else "time"


def newest_by(plan: Plan, stages: Stages) -> tuple[str, ...]:
    """Return the target columns that tell the newer of two rows with one key: `order_by`, else the cursor.

    A flag tells nothing of age; and the target has its own order of a text that is a key.
    """
    cursor = cursor_in_target(plan, stages)
    if plan.order_by or cursor is None or plan.increment is None:
        return plan.order_by
    strategy, column = plan.increment.strategy, stages.columns[cursor]
    tells = strategy == "timestamp" or (strategy == "key" and column.kind in _NUMBERS)
    return (cursor,) if tells else ()


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
