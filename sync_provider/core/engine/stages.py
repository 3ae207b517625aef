"""The stages every row goes through, compiled once: filter → columns → clean → checks → mask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from sync_provider.core.contracts import ROW, Batch, CleanStep, ColumnType, Counters, Plan
from sync_provider.core.engine.badrows import Place, RowTexts, settle_checks, settle_faults
from sync_provider.core.engine.checking import Checks, compile_checks
from sync_provider.core.engine.masking import Masking, compile_masks
from sync_provider.core.engine.preflight import clean_step, problems
from sync_provider.core.engine.rejects import concat_rejected
from sync_provider.core.engine.spill import count_rules, merge_rules
from sync_provider.core.errors import ConfigError, DataError
from sync_provider.core.expressions import unknown_name
from sync_provider.core.transforms.filtering import Filter, compile_filter
from sync_provider.core.transforms.mapper import map_rows
from sync_provider.core.transforms.mapping import ColumnMap, compile_columns

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, slots=True)
class Cut:
    """Some rows between two stages, with all that was settled about their batch so far.

    Args:
        frame: good rows: target columns and ROW.
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
        )

    def transform(self, batch: Batch) -> Cut:
        """Filter, map and clean a batch. Rejects what cannot be mapped, masked where the plan masks."""
        place, rows, filtered = _place(batch), batch.frame, 0
        bad = [batch.bad] if batch.bad is not None else []
        by_rule = dict(count_rules(batch.bad)) if batch.bad is not None and batch.bad.height else {}
        if self._filter is not None:
            passed = self._filter.apply(rows)
            rows, filtered = passed.rows, passed.filtered
            if passed.faults:
                _, frame, said = settle_faults(self._texts, passed.failed, None, passed.faults, place)
                bad.append(frame)
                merge_rules(by_rule, said)
        mapped = map_rows(self._map, rows)
        good = mapped.frame
        if mapped.faults:
            marks, frame, said = settle_faults(self._texts, rows, mapped.computed, mapped.faults, place)
            good = good.filter(~marks)
            bad.append(frame)
            merge_rules(by_rule, said)
        cleaned, rejected = self._cleaned(good), concat_rejected(bad)
        counters = Counters(
            read=batch.frame.height + (batch.bad.height if batch.bad is not None else 0),
            rejected=rejected.height,
            filtered=filtered,
            dropped=good.height - cleaned.height,
        )
        source = rows if self._checks.tests and not self.masked else None
        return Cut(cleaned, rejected, counters, by_rule, {}, None, source, place.origin, place.shift)

    def quality(self, cut: Cut) -> Cut:
        """Check what `transform` gave, then mask it; adds to what the cut says already."""
        flags = self._checks.run(cut.frame)
        if flags is None:
            return replace(cut, frame=self._final(cut.frame), source=None)
        place = Place(cut.origin, cut.shift)
        settled = settle_checks(self._texts, self._checks.tests, cut.frame, flags, cut.source, place)
        counters, by_rule = replace(cut.counters), dict(cut.rejected_by_rule)
        counters.add(Counters(rejected=settled.rejected.height, dropped=settled.dropped, warned=settled.warned))
        merge_rules(by_rule, settled.by_rule)
        return replace(
            cut,
            frame=self._final(settled.good),
            rejected=concat_rejected([cut.rejected, settled.rejected]),
            counters=counters,
            rejected_by_rule=by_rule,
            warned_by_rule=settled.warned_by_rule,
            abort=settled.abort,
            source=None,
        )

    def _final(self, frame: pl.DataFrame) -> pl.DataFrame:
        return self._masking.good(frame).select(*self.columns, ROW)

    def _cleaned(self, frame: pl.DataFrame) -> pl.DataFrame:
        import polars as pl

        types = self._map.types
        for index, step in enumerate(self._clean):
            try:
                if step.exprs is not None:
                    frame = frame.with_columns(expr.alias(name) for name, expr in step.exprs(types).items())
                if step.keep is not None:
                    frame = frame.filter(step.keep(types))
            except pl.exceptions.PolarsError as error:
                # its text may hold values, clear ones among them
                raise DataError(f"clean[{index}] failed on a batch: {type(error).__name__}") from None
        return frame


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
