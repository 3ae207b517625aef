"""The first rows after the stages, and what would be rejected; writes nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sync_provider.core.contracts import DELETED, ColumnType, ConnectionLookup, Counters, Plan
from sync_provider.core.engine.opening import mask_keys, open_source, open_target, own_columns, without_metadata
from sync_provider.core.engine.stages import Stages

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, slots=True)
class Preview:
    """What a run would do with the first rows.

    Args:
        columns: target columns and their types, in order.
        good: rows as they would be written (set rules such as `unique` need the whole run and are not applied).
        rejected: REJECTED frame.
        counters: of the rows looked at; nothing is loaded.
    """

    columns: dict[str, ColumnType]
    good: pl.DataFrame
    rejected: pl.DataFrame
    counters: Counters


def preview(plan: Plan, connections: ConnectionLookup, rows: int = 20) -> Preview:
    """Read the first `rows` rows of a full read and put them through all stages.

    Raises:
        SyncError: as a run would.
    """
    import polars as pl

    keys = mask_keys(plan, connections)
    small = replace(plan, batch_rows=min(plan.batch_rows, rows))
    with open_source(small, connections) as source, open_target(small, connections) as target:
        source.ping()
        found = without_metadata(small, target.describe(plan.target.schema, plan.target.table))
        stages = Stages.compile(small, own_columns(small, source.columns()), found, keys)
        counters, good, rejected, left = Counters(), [], [], rows
        for batch in source.read(source.window("full", None, None)):
            cut = stages.quality(stages.transform(replace(batch, frame=batch.frame.head(left))))
            counters.add(cut.counters)
            good.append(_shown(cut.frame))
            rejected.append(cut.rejected)
            left -= batch.frame.height
            if left <= 0:
                break
    return Preview(
        dict(stages.columns),
        pl.concat(good, how="vertical_relaxed") if good else pl.DataFrame(schema=list(stages.columns)),
        pl.concat(rejected) if rejected else pl.DataFrame(),
        counters,
    )


def _shown(frame: pl.DataFrame) -> pl.DataFrame:
    """Leave out what only the target needs to know: keys of rejected rows."""
    return frame.filter(frame[DELETED].is_not_null()).drop(DELETED) if DELETED in frame.columns else frame
