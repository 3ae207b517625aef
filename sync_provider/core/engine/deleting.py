"""`deletes:` on its way through the stages: which rows are deletes, and which rejected rows are there all the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sync_provider.core.contracts import DELETED, ROW, ColumnType, Plan
from sync_provider.core.transforms.filtering import Filter, compile_filter
from sync_provider.core.transforms.mapper import Fault

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, slots=True)
class Deletes:
    """The compiled `deletes:` of one interface.

    A frame carries them in `DELETED`: false for a row, true for a delete, NULL for a row that was rejected, of which
    the key is all that is kept: it is not missing.

    Args:
        condition: over source columns, true for a delete; None = rows missing from a full read are deleted.
        key: target columns of the primary key.
        kept: target columns that count of a delete: its key, and what tells whether it is the newest.
        computed: whether any of these is computed of others.
    """

    condition: Filter | None
    key: tuple[str, ...]
    kept: frozenset[str]
    computed: bool = False

    def mark(self, rows: pl.DataFrame) -> tuple[pl.DataFrame, list[Fault]]:
        """Return source rows with `DELETED`, and where and why it cannot be told. NULL tells of no delete."""
        import polars as pl

        if self.condition is None:
            return rows.with_columns(pl.lit(False).alias(DELETED)), []
        told, faults = self.condition.judge(rows)
        return rows.with_columns(told.alias(DELETED)), faults

    def excused(self, faults: Sequence[Fault], deleted: pl.Series) -> list[Fault]:
        """Return the faults that count: of a delete, those of its key and its order only."""
        counting = {f"{kind}({name})" for name in self.kept for kind in ("type", "expr")}
        left = []
        for fault in faults:
            counts = fault.rule in counting or (self.computed and fault.from_source)
            rows = fault.rows if counts else fault.rows & ~deleted
            if rows.any():
                left.append(replace(fault, rows=rows))
        return left

    def live(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return the rows that are no deletes and were not rejected."""
        import polars as pl

        return rows.filter(~pl.col(DELETED))

    def with_deleted(self, taken: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
        """Return the rows a filter took together with the deletes, of which it is not asked, in their order."""
        import polars as pl

        return pl.concat([taken, rows.filter(DELETED)]).sort(ROW) if self.condition is not None else taken

    def joined(self, good: pl.DataFrame, seen: Sequence[pl.DataFrame]) -> pl.DataFrame:
        """Return good rows together with the keys of rejected ones."""
        import polars as pl

        good = self.bare(good)
        if self.condition is not None or not seen:
            return good
        return pl.concat([good, *seen], how="diagonal")

    def after_checks(self, rows: pl.DataFrame, good: pl.DataFrame, rejected: pl.DataFrame) -> pl.DataFrame:
        """Return the rows that passed checks together with those that were not asked, and keys of those rejected."""
        import polars as pl

        rest = rows.filter(pl.col(DELETED) | pl.col(DELETED).is_null())
        failed = rows.filter(pl.col(ROW).is_in(rejected[ROW].implode()) & ~pl.col(DELETED))
        return pl.concat([good, rest, *self.seen(failed)], how="diagonal")

    def bare(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return target rows in which deletes hold nothing but what counts of them."""
        import polars as pl

        if self.condition is None:
            return frame
        rest = [name for name in frame.columns if name not in (*self.kept, ROW, DELETED)]
        return frame.with_columns(pl.when(DELETED).then(None).otherwise(pl.col(name)).alias(name) for name in rest)

    def seen(self, rows: pl.DataFrame, before: pl.DataFrame | None = None) -> list[pl.DataFrame]:
        """Return what stays of rejected target rows: their keys; nothing where nobody asks for them.

        Args:
            before: the rows before they were cleaned: a key that was not readable is not made up.
        """
        import polars as pl

        if self.condition is not None or rows.is_empty():
            return []
        keys = rows.select(ROW, *(name for name in self.key if name in rows.columns))
        if before is not None:
            known = [pl.when(before[name].is_not_null()).then(pl.col(name)).alias(name) for name in self.key]
            keys = keys.with_columns(known)
        return [keys.with_columns(pl.lit(None, dtype=pl.Boolean).alias(DELETED))]


def compile_deletes(plan: Plan, source: Mapping[str, ColumnType], types: Mapping[str, ColumnType]) -> Deletes | None:
    """Compile `deletes:`.

    Args:
        types: target columns.

    Raises:
        ValueError: `deletes.when: ` and what is wrong.
    """
    if plan.deletes is None:
        return None
    if DELETED in source or DELETED in types:
        raise ValueError(f"deletes: a column is called {DELETED!r}, which is ours\n  fix: rename it in the source")
    when = plan.deletes.when
    condition = compile_filter(when, source, "deletes.when") if when is not None else None
    order = set(plan.order_by)
    if plan.increment is not None and not order:
        cursor = plan.increment.cursor
        order = {column.to for column in plan.columns if column.name == cursor} or {cursor}
    kept = frozenset(types) & {*plan.primary_key, *order}
    computed = any(column.expr is not None and column.to in kept for column in plan.columns)
    return Deletes(condition, plan.primary_key, kept, computed)
