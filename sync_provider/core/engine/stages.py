"""The stages every row goes through, compiled once: filter → columns → clean → checks → mask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from sync_provider.core.contracts import DELETED, ROW, Batch, CleanStep, ColumnType, Counters, Plan
from sync_provider.core.engine.badrows import Place, RowTexts, settle_checks, settle_faults
from sync_provider.core.engine.checking import Checks, compile_checks
from sync_provider.core.engine.deleting import Deletes, compile_deletes
from sync_provider.core.engine.masking import Masking, compile_masks
from sync_provider.core.engine.preflight import clean_step, problems
from sync_provider.core.engine.rejects import concat_rejected
from sync_provider.core.engine.spill import count_rules, merge_rules
from sync_provider.core.errors import ConfigError, DataError
from sync_provider.core.expressions import unknown_name
from sync_provider.core.transforms.filtering import Filter, compile_filter
from sync_provider.core.transforms.mapper import Fault, map_rows
from sync_provider.core.transforms.mapping import ColumnMap, compile_columns

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, slots=True)
class Cut:
    """Some rows between two stages, with all that was settled about their batch so far.

    Args:
        frame: good rows: target columns and ROW; with `deletes:` also DELETED, and the rows it is not false on.
        rejected: REJECTED frame; masked where the plan masks.
        counters: read, filtered, dropped, rejected, warned.
        rejected_by_rule: rule → (rows, what is said of the first).
        warned_by_rule: rule → rows that broke it and were kept.
        abort: what is said of the first row that broke a check with `on_fail: abort`; None = none did.
        source: the source rows, kept for what quality may reject; None where raw rows may not or need not be kept.
        origin: file or table, for people.
        shift: number of a row within its file minus its ROW; None for tables.
        position: `Batch.position` of its batch.
    """

    frame: pl.DataFrame
    rejected: pl.DataFrame
    counters: Counters = field(default_factory=Counters)
    rejected_by_rule: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    warned_by_rule: Mapping[str, int] = field(default_factory=dict)
    abort: str | None = None
    source: pl.DataFrame | None = None
    origin: str = ""
    shift: int | None = None
    position: str = ""


@dataclass(frozen=True, slots=True)
class Stages:
    """The compiled stages of one interface. Every method is pure: the same rows give the same rows in any cut.

    Args:
        columns: target columns in order, with the types they are written as.
        masked: target columns that are masked.
        unique: set rules for `LoadSpec`; (rule, on_fail, columns).
        deduplicate: for `LoadSpec`; (key, order_by).
    """

    columns: dict[str, ColumnType]
    masked: frozenset[str]
    unique: tuple[tuple[str, str, tuple[str, ...]], ...]
    deduplicate: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]
    _filter: Filter | None
    _map: ColumnMap
    _clean: tuple[CleanStep, ...]
    _checks: Checks
    _masking: Masking
    _texts: RowTexts
    _deletes: Deletes | None = None

    @classmethod
    def compile(
        cls,
        plan: Plan,
        source_columns: Mapping[str, ColumnType],
        target_columns: Mapping[str, ColumnType] | None,
        mask_keys: Mapping[str, bytes],
    ) -> Stages:
        """Compile a plan against what the source has and the target wants.

        Args:
            target_columns: None = the table does not exist yet.
            mask_keys: connection id → key.

        Raises:
            ConfigError: a name is unknown or types do not fit together.
        """
        for path, sentence in problems(plan):
            raise _config(plan, f"{path}: {sentence}")
        try:
            return cls._compile(plan, source_columns, target_columns, mask_keys)
        except ValueError as error:
            raise _config(plan, str(error)) from error

    @classmethod
    def _compile(
        cls,
        plan: Plan,
        source: Mapping[str, ColumnType],
        target: Mapping[str, ColumnType] | None,
        keys: Mapping[str, bytes],
    ) -> Stages:
        masked = frozenset(mask.column for mask in plan.mask)
        clear_target = {name: kind for name, kind in target.items() if name not in masked} if target else None
        row_filter = compile_filter(plan.filter, source) if plan.filter is not None else None
        columns = compile_columns(plan.columns, source, clear_target)
        _check_names(plan, columns.types)
        steps = _compile_clean(plan, columns.types)
        masking, after = compile_masks(plan.mask, columns.types, target, keys)
        checks = compile_checks(plan.checks, columns.types, _required(plan, columns.types, target))
        return cls(
            columns=after,
            masked=masked,
            unique=checks.unique,
            deduplicate=_deduplicate(plan, steps),
            _filter=row_filter,
            _map=columns,
            _clean=steps,
            _checks=checks,
            _masking=masking,
            _texts=RowTexts(columns, masking, plan.primary_key),
            _deletes=compile_deletes(plan, source, columns.types),
        )

    def transform(self, batch: Batch) -> Cut:
        """Filter, map and clean a batch. Rejects what cannot be mapped, masked where the plan masks."""
        place, bad = _place(batch), _Bad(batch)
        rows, filtered = self._taken(batch.frame, bad, place)
        mapped = map_rows(self._map, rows)
        good, faults = mapped.frame, mapped.faults
        if self._deletes is not None:
            good = good.with_columns(rows[DELETED])
            faults = self._deletes.excused(faults, rows[DELETED])
        if faults:
            marks = bad.settle(self._texts, rows, mapped.computed, faults, place)
            bad.seen += self._seen(good.filter(marks))
            good = good.filter(~marks)
        cleaned, rejected = self._cleaned(good), concat_rejected(bad.frames)
        counters = Counters(
            read=batch.frame.height + (batch.bad.height if batch.bad is not None else 0),
            rejected=rejected.height,
            filtered=filtered,
            dropped=good.height - cleaned.height,
        )
        if self._deletes is not None:
            cleaned = self._deletes.joined(cleaned, bad.seen)
        source = rows if self._checks.tests and not self.masked else None
        return Cut(cleaned, rejected, counters, bad.by_rule, {}, None, source, place.origin, place.shift)

    def quality(self, cut: Cut) -> Cut:
        """Check what `transform` gave, then mask it; adds to what the cut says already."""
        rows = cut.frame if self._deletes is None else self._deletes.live(cut.frame)
        flags = self._checks.run(rows)
        if flags is None:
            return replace(cut, frame=self._final(cut.frame), source=None)
        place = Place(cut.origin, cut.shift)
        settled = settle_checks(self._texts, self._checks.tests, rows, flags, cut.source, place)
        counters, by_rule = replace(cut.counters), dict(cut.rejected_by_rule)
        counters.add(Counters(rejected=settled.rejected.height, dropped=settled.dropped, warned=settled.warned))
        merge_rules(by_rule, settled.by_rule)
        good = settled.good
        if self._deletes is not None:
            good = self._deletes.after_checks(cut.frame, good, settled.rejected)
        return replace(
            cut,
            frame=self._final(good),
            rejected=concat_rejected([cut.rejected, settled.rejected]),
            counters=counters,
            rejected_by_rule=by_rule,
            warned_by_rule=settled.warned_by_rule,
            abort=settled.abort,
            source=None,
        )

    def _final(self, frame: pl.DataFrame) -> pl.DataFrame:
        return self._masking.good(frame).select(*self.columns, ROW, *([DELETED] if self._deletes else []))

    def _taken(self, rows: pl.DataFrame, bad: _Bad, place: Place) -> tuple[pl.DataFrame, int]:
        """Mark deletes and filter what is none; return the rows that go on, and how many were filtered."""
        deletes = self._deletes
        if deletes is not None:
            rows, faults = deletes.mark(rows)
            if faults:
                marks = bad.settle(self._texts, rows, None, faults, place)
                rows = rows.filter(~marks)
        if self._filter is None:
            return rows, 0
        passed = self._filter.apply(rows if deletes is None else deletes.live(rows))
        if passed.faults:
            bad.settle(self._texts, passed.failed, None, passed.faults, place)
            if deletes is not None:
                bad.seen += self._seen(map_rows(self._map, passed.failed).frame)
        return passed.rows if deletes is None else deletes.with_deleted(passed.rows, rows), passed.filtered

    def _seen(self, rows: pl.DataFrame) -> list[pl.DataFrame]:
        """Return the keys of rejected rows as the target has them, where they matter."""
        return self._deletes.seen(self._cleaned(rows, all_rows=True), rows) if self._deletes is not None else []

    def _cleaned(self, frame: pl.DataFrame, *, all_rows: bool = False) -> pl.DataFrame:
        import polars as pl

        types = self._map.types
        for index, step in enumerate(self._clean):
            try:
                if step.exprs is not None:
                    frame = frame.with_columns(expr.alias(name) for name, expr in step.exprs(types).items())
                if step.keep is not None and not all_rows:
                    keep = step.keep(types)
                    frame = frame.filter(keep if self._deletes is None else keep | pl.col(DELETED))
            except pl.exceptions.PolarsError as error:
                # its text may hold values, clear ones among them
                raise DataError(f"clean[{index}] failed on a batch: {type(error).__name__}") from None
        return frame


class _Bad:
    """What is rejected of one batch, and which keys those rows have."""

    def __init__(self, batch: Batch) -> None:
        full = batch.bad if batch.bad is not None and batch.bad.height else None
        self.frames = [batch.bad] if batch.bad is not None else []
        self.by_rule = dict(count_rules(full)) if full is not None else {}
        self.seen: list[pl.DataFrame] = [full.select(ROW)] if full is not None else []

    def settle(
        self,
        texts: RowTexts,
        rows: pl.DataFrame,
        computed: pl.DataFrame | None,
        faults: Sequence[Fault],
        place: Place,
    ) -> pl.Series:
        """Reject the source rows that faults name; return their mask."""
        marks, frame, said = settle_faults(texts, rows, computed, faults, place)
        self.frames.append(frame)
        merge_rules(self.by_rule, said)
        return marks


def _place(batch: Batch) -> Place:
    if not batch.first_line:
        return Place(batch.origin, None)
    return Place(batch.origin, batch.first_line - (batch.frame[ROW][0] if batch.frame.height else 0))


def _config(plan: Plan, sentence: str) -> ConfigError:
    what, _, fix = sentence.partition("\n  fix: ")
    return ConfigError(f"interface {plan.id!r}: {what}", fix=fix)


def _check_names(plan: Plan, types: Mapping[str, ColumnType]) -> None:
    for path, names in (("primary_key", plan.primary_key), ("order_by", plan.order_by)):
        for name in names:
            if name not in types:
                raise ValueError(f"{path}: {unknown_name('column', name, types)}")


def _compile_clean(plan: Plan, types: Mapping[str, ColumnType]) -> tuple[CleanStep, ...]:
    steps = []
    for index, written in enumerate(plan.clean):
        step = clean_step(written)
        try:
            for name in step.columns:
                if name not in types:
                    raise ValueError(unknown_name("column", name, types))
            if step.exprs is not None:
                step.exprs(types)
            if step.keep is not None:
                step.keep(types)
        except ValueError as error:
            raise ValueError(f"clean[{index}].{written.word}: {error}") from error
        steps.append(step)
    return tuple(steps)


def _deduplicate(plan: Plan, steps: tuple[CleanStep, ...]) -> tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]:
    """A step without an order of its own takes the interface's."""
    found = (step.deduplicate for step in steps if step.deduplicate is not None)
    return tuple((key, order_by or plan.order_by) for key, order_by in found)


def _required(plan: Plan, types: Mapping[str, ColumnType], target: Mapping[str, ColumnType] | None) -> list[str]:
    """Return the target columns that must not be NULL: those of its table, and the key rows are merged by."""
    key = plan.primary_key if plan.write != "append" or target is None else ()
    return [name for name in types if name in key or (target and name in target and not target[name].nullable)]
