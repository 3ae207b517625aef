"""Plans and batches for tests of the stages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from sync_provider.core.contracts import (
    ROW,
    Batch,
    ColumnPlan,
    ColumnType,
    Plan,
    SchedulePlan,
    SourcePlan,
    TargetPlan,
    parse_type,
)
from sync_provider.core.contracts.frames import frame_type


def plan(**changed: Any) -> Plan:
    """Return a plan that appends to `ods.orders`, with some of its values changed."""
    values: dict[str, Any] = {
        "library": "erp",
        "source_name": "crm",
        "interface": "orders",
        "source": SourcePlan("file"),
        "target": TargetPlan("dwh", "orders", "ods"),
        "mode": "full",
        "write": "append",
        "schedule": SchedulePlan("manual"),
    }
    return Plan(**{**values, **changed})


def types(**spelled: str) -> dict[str, ColumnType]:
    """Return column types as YAML spells them."""
    return {name: parse_type(text) for name, text in spelled.items()}


def column(name: str, type: str | None = None, **changed: Any) -> ColumnPlan:
    """Return one entry under `columns:`."""
    values = {"to": name, "type": parse_type(type) if type else None, **changed}
    return ColumnPlan(name, **values)


def frame(columns: Mapping[str, ColumnType], rows: Sequence[Sequence[Any]], first: int = 1) -> pl.DataFrame:
    """Return a source frame; `first` is the ROW of its first row."""
    schema = {name: frame_type(kind) for name, kind in columns.items()}
    return pl.DataFrame(list(rows), schema=schema, orient="row").with_columns(
        pl.int_range(first, first + pl.len(), dtype=pl.Int64).alias(ROW)
    )


def batch(columns: Mapping[str, ColumnType], rows: Sequence[Sequence[Any]], origin: str = "", line: int = 0) -> Batch:
    """Return a batch of these rows."""
    return Batch(frame(columns, rows), origin, line)
