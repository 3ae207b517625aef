"""Where a row came from, for rows that only the target could judge: it knows their number and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sync_provider.core.contracts import REJECTED, ROW

if TYPE_CHECKING:
    import polars as pl

    from sync_provider.core.engine.stages import Cut


@dataclass(frozen=True, slots=True)
class Place:
    """One batch's rows: numbers first to last, from `origin`. shift: number within the file minus ROW; None = table."""

    first: int
    last: int
    origin: str
    shift: int | None

    @classmethod
    def of(cls, cut: Cut) -> Place:
        """Return the place of a cut that holds rows."""
        numbers = cut.frame[ROW]
        return cls(int(numbers.min()), int(numbers.max()), cut.origin, cut.shift)  # type: ignore[arg-type]


def with_positions(frame: pl.DataFrame | None, places: Sequence[Place]) -> pl.DataFrame | None:
    """Fill in `position` where a REJECTED frame has none."""
    import polars as pl

    if frame is None or frame.is_empty():
        return frame
    known = pl.DataFrame(
        [(place.first, place.last, place.origin, place.shift) for place in places],
        schema={"first": pl.Int64, "last": pl.Int64, "origin": pl.String, "shift": pl.Int64},
        orient="row",
    ).sort("first")
    found = frame.sort(ROW).join_asof(known, left_on=ROW, right_on="first", strategy="backward")
    line = pl.concat_str([pl.lit(":"), (pl.col(ROW) + pl.col("shift")).cast(pl.String)]).fill_null("")
    position = pl.coalesce("position", pl.concat_str([pl.col("origin"), line]))
    return found.with_columns(position.alias("position")).select(REJECTED)
