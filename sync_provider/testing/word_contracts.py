"""What every rule, cleaner and mask keeps: subclass, fill in the class attributes, and pytest runs these on yours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from sync_provider.core.contracts import Cleaner, ColumnType, Mask, Rule
from sync_provider.core.contracts.frames import frame_type, row_type

if TYPE_CHECKING:
    import polars as pl

Row = Mapping[str, Any]


class RuleContract:
    """Subclass it, and set the attributes.

    Args:
        params: YAML parameters that are accepted.
        refused: YAML parameters that are not.
        types: the columns of `good` and `bad`.
        good: rows that keep the rule.
        bad: rows that break it.
        null_breaks: whether a missing value breaks it; only `not_null` says yes.
    """

    rule: ClassVar[Rule]
    params: ClassVar[Any]
    refused: ClassVar[Sequence[Any]] = ()
    types: ClassVar[Mapping[str, ColumnType]]
    good: ClassVar[Sequence[Row]]
    bad: ClassVar[Sequence[Row]]
    null_breaks: ClassVar[bool] = False

    def test_good_rows_pass_and_bad_rows_break(self) -> None:
        assert self._broken(self.good) == [False] * len(self.good)
        assert self._broken(self.bad) == [True] * len(self.bad)

    def test_null_breaks_only_where_it_is_the_point(self) -> None:
        assert self._broken([dict.fromkeys(self.types)]) == [self.null_breaks]

    def test_each_row_is_judged_alone(self) -> None:
        rows = [row for pair in zip(self.good, self.bad, strict=False) for row in pair]
        assert self._broken(rows) == [flag for row in rows for flag in self._broken([row])]

    def test_parameters_that_say_nothing_are_refused(self) -> None:
        for params in (*self.refused, None, {}, []):
            with pytest.raises(ValueError, match=r"\S"):
                self.rule.parse(params)

    def test_messages_and_columns_are_said(self) -> None:
        for case in self.rule.parse(self.params):
            assert case.message
            assert set(case.columns) <= set(self.types)

    def _broken(self, rows: Sequence[Row]) -> list[bool]:
        import polars as pl

        frame = _frame(rows, {name: row_type(kind) for name, kind in self.types.items()})
        exprs = [case.broken(self.types) for case in self.rule.parse(self.params) if case.broken is not None]
        return frame.select(pl.any_horizontal(expr.fill_null(False) for expr in exprs)).to_series().to_list()


class CleanerContract:
    """Subclass it, and set the attributes.

    Args:
        before: rows as they come.
        after: rows as they go on; fewer where the cleaner drops some.
    """

    cleaner: ClassVar[Cleaner]
    params: ClassVar[Any]
    refused: ClassVar[Sequence[Any]] = ()
    types: ClassVar[Mapping[str, ColumnType]]
    before: ClassVar[Sequence[Row]]
    after: ClassVar[Sequence[Row]]

    def test_rows_are_cleaned(self) -> None:
        assert self._cleaned(self._frame(self.before)).to_dicts() == list(self.after)

    def test_twice_is_once(self) -> None:
        once = self._cleaned(self._frame(self.before))
        assert self._cleaned(once).equals(once)

    def test_types_stay(self) -> None:
        frame = self._frame(self.before)
        assert self._cleaned(frame).schema == frame.schema

    def test_each_row_is_cleaned_alone(self) -> None:
        import polars as pl

        frame = self._frame(self.before)
        alone = pl.concat(self._cleaned(frame[index : index + 1]) for index in range(frame.height))
        assert alone.equals(self._cleaned(frame))

    def test_parameters_that_say_nothing_are_refused(self) -> None:
        for params in (*self.refused, None, {}, []):
            with pytest.raises(ValueError, match=r"\S"):
                self.cleaner.parse(params)

    def _frame(self, rows: Sequence[Row]) -> pl.DataFrame:
        return _frame(rows, {name: frame_type(kind) for name, kind in self.types.items()})

    def _cleaned(self, frame: pl.DataFrame) -> pl.DataFrame:
        step = self.cleaner.parse(self.params)
        if step.exprs is not None:
            frame = frame.with_columns(expr.alias(name) for name, expr in step.exprs(self.types).items())
        return frame.filter(step.keep(self.types)) if step.keep is not None else frame


class MaskContract:
    """Subclass it, and set the attributes.

    Args:
        masked: clear value → what is left of it; {} when it depends on the key.
    """

    mask: ClassVar[Mask]
    params: ClassVar[Mapping[str, Any]] = {}
    refused: ClassVar[Sequence[Mapping[str, Any]]] = ()
    masked: ClassVar[Mapping[str, str]] = {}

    _SHORT: ClassVar[Sequence[str]] = (
        "a",
        "ab",
        "abc",
        "abcd",
        "张",
        "张三",
        "1",
        "12345",
        "a@b.cn",
        "x\ny",
        " ",
        "é😀",
    )

    def test_values_become_what_is_promised(self) -> None:
        assert dict(zip(self.masked, self._apply(list(self.masked)), strict=True)) == dict(self.masked)

    def test_null_stays_null(self) -> None:
        assert self._apply([None, "x", None])[::2] == [None, None]

    def test_no_clear_value_is_ever_left(self) -> None:
        values = [*self._SHORT, *self.masked]
        for clear, masked in zip(values, self._apply(values), strict=True):
            assert masked != clear
            assert masked is not None

    def test_equal_values_stay_equal(self) -> None:
        first, second = self._apply(["13812341234", "13812341234"])
        assert first == second

    def test_different_values_stay_different_where_that_is_promised(self) -> None:
        values = [f"1381234{number:04d}" for number in range(200)]
        assert not self.mask.keeps_equality or len(set(self._apply(values))) == len(values)

    def test_each_value_is_masked_alone(self) -> None:
        values = [*self._SHORT, *self.masked]
        assert self._apply(values) == [self._apply([value])[0] for value in values]

    def test_unknown_parameters_are_refused(self) -> None:
        for params in (*self.refused, {**self.params, "no_such_parameter": 1}):
            with pytest.raises(ValueError, match=r"\S"):
                self.mask.parse(params)
        self.mask.parse(self.params)

    def _apply(self, values: Sequence[str | None]) -> list[str | None]:
        import polars as pl

        frame = pl.DataFrame({"value": values}, schema={"value": pl.String})
        key = b"a key for tests" if self.mask.needs_key else None
        masked = frame.select(self.mask.apply("value", self.params, key).alias("masked")).to_series()
        assert masked.dtype == pl.String
        return masked.to_list()


def _frame(rows: Sequence[Row], schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
    import polars as pl

    return pl.DataFrame([{name: row.get(name) for name in schema} for row in rows], schema=dict(schema))
