"""Maps a frame of source columns to target columns, and tells apart the rows that cannot be mapped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sync_provider.core.contracts import ROW
from sync_provider.core.contracts.frames import row_type
from sync_provider.core.transforms import casts
from sync_provider.core.transforms.evaluate import evaluate
from sync_provider.core.transforms.mapping import HIDDEN, ColumnMap, Output

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, slots=True)
class Fault:
    """Why some rows cannot go on.

    Args:
        rule: type(amount), expr(total) or filter.
        columns: what to show of the row; names of source columns where `from_source`.
        message: what is said of it, after the values.
        rows: mask over the rows.
    """

    rule: str
    columns: tuple[str, ...]
    message: str
    rows: pl.Series
    from_source: bool = False


@dataclass(frozen=True, slots=True)
class Mapped:
    """What became of some rows.

    Args:
        frame: target columns in order, and ROW; NULL where a fault says so.
        computed: what expressions gave, before it was cast; by target column.
    """

    frame: pl.DataFrame
    computed: pl.DataFrame
    faults: list[Fault]


def map_rows(columns: ColumnMap, frame: pl.DataFrame) -> Mapped:
    """Rename, cast, compute and drop."""
    import polars as pl

    direct = [output for output in columns.outputs if output.expression is None] + columns.hidden()
    expressed = [output for output in columns.outputs if output.expression is not None]
    made, faults = _cast(frame, [(output, output.source) for output in direct])
    rows = frame.select(ROW).hstack(made)
    computed = pl.DataFrame()
    if expressed:
        computed, stops = _compute(columns, rows, expressed)
        values, late = _cast(computed, [(output, output.name) for output in expressed])
        rows, faults = rows.hstack(values), faults + stops + late
    return Mapped(rows.select(*columns.types, ROW), computed, faults)


def _cast(frame: pl.DataFrame, outputs: Sequence[tuple[Output, str]]) -> tuple[pl.DataFrame, list[Fault]]:
    made, failed = casts.apply(
        frame,
        {o.name: casts.cast(name, o.have, frame.schema[name], o.want, o.timezone) for o, name in outputs},
    )
    faults = []
    for output, _ in outputs:
        if output.name in failed:
            shown, hidden = output.name.removeprefix(HIDDEN), output.name.startswith(HIDDEN)
            faults.append(Fault(f"type({shown})", (shown,), f"is not {output.want}", failed[output.name], hidden))
    return made, faults


def _compute(columns: ColumnMap, rows: pl.DataFrame, outputs: Sequence[Output]) -> tuple[pl.DataFrame, list[Fault]]:
    """Evaluate the expressions over the cast columns, under the names they read."""
    import polars as pl

    read = dict.fromkeys(name for output in outputs if output.expression for name in output.expression.columns)
    sources = {name: columns.names[name] for name in read}
    seen = rows.select(ROW, *(pl.col(o.name).cast(row_type(o.want)).alias(name) for name, o in sources.items()))
    values, stopped = evaluate(seen, {output.name: output.value for output in outputs if output.value is not None})
    faults = []
    for output in outputs:
        for guard in output.guards:
            failed = evaluate(seen, {"failed": guard.failed})[0]["failed"].fill_null(False)
            if failed.any():
                rule, shown = f"expr({output.name})", _sources(columns, guard.columns)
                faults.append(Fault(rule, shown, guard.said, failed, from_source=True))
        if output.name in stopped and output.expression is not None:
            rule, said = f"expr({output.name})", f"cannot be computed: {output.expression.text}"
            shown = _sources(columns, output.expression.columns)
            faults.append(Fault(rule, shown, said, stopped[output.name], from_source=True))
    return values, faults


def _sources(columns: ColumnMap, names: Sequence[str]) -> tuple[str, ...]:
    """Return the source columns behind the names an expression reads: theirs are the values shown."""
    return tuple(dict.fromkeys(columns.names[name].source for name in names))
