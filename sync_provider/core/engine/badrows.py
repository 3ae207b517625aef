"""Finds the bad rows of a stage, with their values as text, masked before anyone sees them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING

from sync_provider.core.contracts import DELETED, ROW
from sync_provider.core.engine.checking import Condition
from sync_provider.core.engine.masking import Masking
from sync_provider.core.engine.rejects import BadRows, Break, empty_rejected, explain, rows_as_json
from sync_provider.core.transforms.mapper import Fault
from sync_provider.core.transforms.mapping import ColumnMap

if TYPE_CHECKING:
    import polars as pl

#: keys of a frame of texts: a source column, a target column
_IN, _OUT = "in:", "out:"


@dataclass(frozen=True, slots=True)
class Place:
    """Where the rows of a batch come from: file or table, and number in the file minus ROW (None for tables)."""

    origin: str
    shift: int | None


@dataclass(frozen=True, slots=True)
class RowTexts:
    """How rows of one interface are shown."""

    columns: ColumnMap
    masking: Masking
    primary_key: tuple[str, ...]

    def of_sources(self, rows: pl.DataFrame, computed: pl.DataFrame | None, place: Place) -> BadRows:
        """Show source rows, and what expressions made of them (None = they did not come so far)."""
        import polars as pl

        sources = [name for name in rows.columns if name not in (ROW, DELETED)]
        cells = [pl.col(name).alias(_IN + name) for name in sources]
        cells += [pl.col(o.source).alias(_OUT + o.name) for o in self.columns.outputs if o.source]
        shown = rows.select(ROW, *cells)
        if computed is not None and computed.width:
            shown = shown.hstack(computed.rename(lambda name: _OUT + name))
        hidden = {_IN + name: target for name, target in self.masking.of_sources(self.columns, sources).items()}
        return self._shown(shown, hidden, self._raw(rows), place)

    def of_targets(self, rows: pl.DataFrame, source: pl.DataFrame | None, place: Place) -> BadRows:
        """Show target rows. `source` holds the source rows they were made of, among others."""
        import polars as pl

        shown = rows.select(ROW, *(pl.col(name).alias(_OUT + name) for name in self.columns.types))
        origin = None if source is None else source.filter(pl.col(ROW).is_in(rows[ROW].implode()))
        return self._shown(shown, {}, self._raw(origin), place)

    def _shown(
        self, cells: pl.DataFrame, hidden: Mapping[str, str | None], raw: pl.Series | None, place: Place
    ) -> BadRows:
        import polars as pl

        masked = {_OUT + name: name for name in self.masking.columns if _OUT + name in cells.columns}
        texts = self.masking.texts(cells.drop(ROW), {**hidden, **masked}).insert_column(0, cells[ROW])
        missing = [_OUT + name for name in self.columns.types if _OUT + name not in texts.columns]
        texts = texts.with_columns(pl.lit(None, dtype=pl.String).alias(name) for name in missing)
        return BadRows(
            shown=texts,
            quoted=frozenset(name for name, dtype in cells.schema.items() if dtype == pl.String()),
            data={name: _OUT + name for name in self.columns.types},
            key={name: _OUT + name for name in self.primary_key},
            raw=raw,
            origin=place.origin,
            shift=place.shift,
        )

    def _raw(self, rows: pl.DataFrame | None) -> pl.Series | None:
        if rows is None or self.masking.columns:
            return None
        return rows_as_json(self.masking.texts(rows.drop(ROW, DELETED, strict=False), {}))


@dataclass(frozen=True, slots=True)
class Settled:
    """The bad rows of one stage of one batch.

    Args:
        good: the rows that go on.
        rejected: REJECTED frame.
    """

    good: pl.DataFrame
    rejected: pl.DataFrame
    by_rule: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    dropped: int = 0
    warned: int = 0
    warned_by_rule: Mapping[str, int] = field(default_factory=dict)
    abort: str | None = None


def settle_faults(
    texts: RowTexts, rows: pl.DataFrame, computed: pl.DataFrame | None, faults: Sequence[Fault], place: Place
) -> tuple[pl.Series, pl.DataFrame, dict[str, tuple[int, str]]]:
    """Reject the source rows that cannot be mapped.

    Returns:
        The mask of bad rows, their REJECTED frame, and rule → (rows, what is said of the first).
    """
    bad = reduce(or_, (fault.rows for fault in faults))
    made = computed.filter(bad) if computed is not None and computed.width else None
    shown = texts.of_sources(rows.filter(bad), made, place)
    breaks = [
        Break(
            fault.rule,
            {(_IN if fault.from_source else _OUT) + name: name for name in fault.columns},
            fault.message,
            fault.rows.filter(bad),
            kind="data",
        )
        for fault in faults
    ]
    frame, by_rule = explain(shown, breaks)
    return bad, frame, by_rule


def settle_checks(
    texts: RowTexts,
    tests: Sequence[Condition],
    rows: pl.DataFrame,
    flags: pl.DataFrame,
    source: pl.DataFrame | None,
    place: Place,
) -> Settled:
    """Do with each row what the checks it broke ask for; of several, abort and quarantine win over drop over warn.

    Args:
        flags: column `n` is true where test n is broken.
    """
    fatal = _any(flags, tests, ("quarantine", "abort"))
    dropped = _any(flags, tests, ("drop",)) & ~fatal
    kept = ~(fatal | dropped)
    warned = _any(flags, tests, ("warn",)) & kept
    rejected = empty_rejected()
    by_rule: dict[str, tuple[int, str]] = {}
    if fatal.any():
        shown = texts.of_targets(rows.filter(fatal), source, place)
        rejected, by_rule = explain(shown, _breaks(flags, tests, fatal))
    return Settled(
        good=rows.filter(kept),
        rejected=rejected,
        by_rule=by_rule,
        dropped=int(dropped.sum()),
        warned=int(warned.sum()),
        warned_by_rule=_warned(flags, tests, kept),
        abort=_abort(flags.filter(fatal), tests, rejected),
    )


def _any(flags: pl.DataFrame, tests: Sequence[Condition], on_fail: Sequence[str]) -> pl.Series:
    import polars as pl

    names = [f"{index}" for index, test in enumerate(tests) if test.on_fail in on_fail]
    return flags.select(pl.any_horizontal(names) if names else pl.repeat(False, pl.len())).to_series()


def _breaks(flags: pl.DataFrame, tests: Sequence[Condition], fatal: pl.Series) -> list[Break]:
    found = []
    for index, test in enumerate(tests):
        rows = flags[f"{index}"].filter(fatal)
        if test.on_fail != "warn" and rows.any():
            names = {_OUT + name: name for name in test.columns}
            found.append(Break(test.rule, names, test.message, rows, test.kind))
    return found


def _warned(flags: pl.DataFrame, tests: Sequence[Condition], kept: pl.Series) -> dict[str, int]:
    by_rule: dict[str, pl.Series] = {}
    for index, test in enumerate(tests):
        if test.on_fail == "warn":
            rows = flags[f"{index}"] & kept
            by_rule[test.rule] = by_rule[test.rule] | rows if test.rule in by_rule else rows
    return {rule: int(rows.sum()) for rule, rows in by_rule.items() if rows.any()}


def _abort(flags: pl.DataFrame, tests: Sequence[Condition], rejected: pl.DataFrame) -> str | None:
    rows = _any(flags, tests, ("abort",))
    if not rows.any():
        return None
    first = rows.arg_max() or 0
    return f"{rejected['message'][first]} ({rejected['rule'][first]}, on_fail: abort)"
