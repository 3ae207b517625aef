"""What an expression answers, row by row."""

from __future__ import annotations

from typing import Any

import polars as pl

from sync_provider.core.contracts import parse_type
from sync_provider.core.contracts.frames import row_type
from sync_provider.core.expressions import parse
from sync_provider.core.transforms.evaluate import evaluate

REJECTED = "rejected"


def values(text: str, kinds: dict[str, str], *rows: tuple[Any, ...]) -> list[Any]:
    """Evaluate an expression; REJECTED where its row is told."""
    columns = {name: parse_type(kind) for name, kind in kinds.items()}
    schema = {name: row_type(kind) for name, kind in columns.items()}
    frame = pl.DataFrame(list(rows), schema=schema, orient="row")
    made = parse(text).compile(columns)
    tests = {f"{index}": guard.failed for index, guard in enumerate(made.guards)}
    values, stopped = evaluate(frame, {"value": made.value, **tests})
    bad = values.select(pl.any_horizontal(pl.lit(False), *tests)).to_series()
    bad = bad | stopped["value"] if "value" in stopped else bad
    flags = bad.to_list() * (1 if bad.len() == len(rows) else len(rows))
    return [REJECTED if flag else value for flag, value in zip(flags, values["value"].to_list(), strict=False)]
