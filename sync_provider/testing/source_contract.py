"""What every source keeps: subclass `SourceContract`, give it an `arena`, and pytest runs these against yours."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import pytest

from sync_provider.core.contracts import ROW, Batch, ConnectionLookup, IncrementPlan, Plan, Source, SourceType, Window
from sync_provider.core.errors import CancelledError, SyncError

if TYPE_CHECKING:
    import polars as pl

_TRICKY = [
    "plain", "", None, " spaced ", "中文 é 😀", "two\nlines", "two\r\nlines", "tab\t", 'quo"te', "it's", "a,b;c|d",
    "back\\slash", "\\N", "NULL", "null", "\\.", "0001", "1e3", "' OR 1=1 --", '""', "𝔘𝔫𝔦",
]  # fmt: skip
_ODD_NAMES = ["order", "Größe (cm)", "列 名", 'quo"te', "it's", "semi;colon", "UPPER", "1st", "per%cent", "a.b"]
_TIMES = [f"2026-01-01 00:00:0{second}" for second in range(10)]


class SourceArena(Protocol):
    """A place where a test can put rows and then read them through the source under test.

    Args:
        source: the source type under test.
        connections: resolves the plan's connections.
        big_rows: rows of about 1 kB for the memory and cancel tests; fewer where filling is slow.
    """

    source: SourceType
    connections: ConnectionLookup
    big_rows: int

    def fill(self, name: str, columns: Mapping[str, str], rows: Sequence[Sequence[str | None]]) -> None:
        """Make `name` hold these rows. Column types: text | bigint | timestamp; values are given as text."""

    def plan(self, name: str) -> Plan:
        """Return a plan that reads `name` in full."""


class SourceContract:
    """Subclass it, and define a fixture `arena` that returns your `SourceArena`."""

    def test_columns_come_in_order(self, arena: SourceArena) -> None:
        arena.fill("ordered", {"z": "bigint", "a": "text", "m": "text"}, [["1", "x", "y"]])
        with closing(_open(arena, arena.plan("ordered"))) as source:
            source.ping()
            assert list(source.columns()) == ["z", "a", "m"]
            (batch,) = source.read(source.window("full", None, None))
            assert batch.frame.columns == ["z", "a", "m", ROW]

    def test_values_are_exact(self, arena: SourceArena) -> None:
        arena.fill("tricky", {"id": "bigint", "v": "text"}, [[str(at), text] for at, text in enumerate(_TRICKY)])
        frame = _frame(_read(arena, arena.plan("tricky")))
        assert sorted(
            zip(_texts(frame, "id"), _texts(frame, "v"), strict=True), key=lambda pair: int(pair[0] or 0)
        ) == [(str(at), text) for at, text in enumerate(_TRICKY)]

    def test_names_of_any_kind(self, arena: SourceArena) -> None:
        values = [f"v{number}" for number in range(len(_ODD_NAMES))]
        arena.fill("odd", dict.fromkeys(_ODD_NAMES, "text"), [values])
        frame = _frame(_read(arena, arena.plan("odd")))
        assert frame.drop(ROW).columns == _ODD_NAMES
        assert list(frame.drop(ROW).row(0)) == values

    def test_rows_are_numbered_and_batches_keep_their_size(self, arena: SourceArena) -> None:
        arena.fill("many", {"id": "bigint"}, [[str(number)] for number in range(25)])
        batches = _read(arena, replace(arena.plan("many"), batch_rows=10))
        assert [batch.frame.height for batch in batches] == [10, 10, 5]
        assert _frame(batches)[ROW].to_list() == list(range(1, 26))
        assert {int(text or -1) for text in _texts(_frame(batches), "id")} == set(range(25))

    def test_nothing_gives_no_rows(self, arena: SourceArena) -> None:
        arena.fill("none", {"id": "bigint"}, [])
        assert sum(batch.frame.height for batch in _read(arena, arena.plan("none"))) == 0

    def test_a_window_read_again_gives_the_same_rows(self, arena: SourceArena) -> None:
        arena.fill("again", {"id": "bigint"}, [[str(number)] for number in range(50)])
        plan = replace(arena.plan("again"), batch_rows=7)
        with closing(_open(arena, plan)) as source:
            window = source.window("full", None, None)
            first = _frame(list(source.read(window)))
            assert _frame(list(source.read(window))).equals(first)
        with closing(_open(arena, replace(plan, batch_rows=50))) as source:
            assert _frame(list(source.read(window))).equals(first)

    def test_a_read_goes_on_behind_any_batch(self, arena: SourceArena) -> None:
        rows: list[list[str | None]] = [[str(number), f"v{number % 3}"] for number in range(40)]
        arena.fill("resumed", {"id": "bigint", "v": "text"}, rows)
        plan = replace(arena.plan("resumed"), batch_rows=7, load="staged")
        with closing(_open(arena, plan)) as source:
            window = source.window("full", None, None)
            batches = list(source.read(window))
        whole = _frame(batches)
        assert whole.height == 40
        for number, batch in enumerate(batches, 1):
            if batch.position:
                with closing(_open(arena, plan)) as source:
                    rest = list(source.read(window, batch.position))
                assert _frame([*batches[:number], *rest]).equals(whole), f"behind batch {number}"

    def test_what_is_not_there_is_said(self, arena: SourceArena) -> None:
        with closing(_open(arena, arena.plan("no such thing"))) as source, pytest.raises(SyncError) as caught:
            source.ping()
        assert "no such thing" in caught.value.what
        assert caught.value.fix

    def test_cancel_stops_a_read(self, arena: SourceArena) -> None:
        self._fill_big(arena)
        with closing(_open(arena, replace(arena.plan("big"), batch_rows=500))) as source:
            batches = source.read(source.window("full", None, None))
            next(batches)
            threading.Thread(target=source.cancel).start()
            started = time.monotonic()
            with pytest.raises(CancelledError):
                _slowly(batches)
            assert time.monotonic() - started < 2

    def test_close_twice_and_close_while_reading(self, arena: SourceArena) -> None:
        arena.fill("closed", {"id": "bigint"}, [[str(number)] for number in range(100)])
        source = _open(arena, replace(arena.plan("closed"), batch_rows=10))
        batches = source.read(source.window("full", None, None))
        next(batches)
        source.ack()
        source.close()
        source.close()
        source.cancel()

    def test_memory_does_not_follow_the_size(self, arena: SourceArena) -> None:
        self._fill_big(arena)
        plan = replace(arena.plan("big"), batch_rows=1000)
        _drain(arena, plan, stop_after=3)
        before = _peak_bytes()
        rows = _drain(arena, plan)
        assert rows == arena.big_rows
        assert _peak_bytes() - before < max(48e6, arena.big_rows * 1000 / 4)

    def _fill_big(self, arena: SourceArena) -> None:
        arena.fill("big", {"id": "bigint", "v": "text"}, [[str(at), f"{at:07d}" * 140] for at in range(arena.big_rows)])

    def test_what_it_says_of_increments(self, arena: SourceArena) -> None:
        assert bool(arena.source.incremental) is isinstance(self, IncrementContract), "subclass IncrementContract"


class IncrementContract(SourceContract):
    """What a source that reads increments promises beside."""

    def test_bounds(self, arena: SourceArena) -> None:
        plan = self._increments(arena)
        for kind, expected in (("incremental", [2, 3, 4, 5]), ("backfill", [2, 3, 4]), ("manual", [2, 3, 4])):
            rows = _frame(_read(arena, plan, Window(kind, _TIMES[2], _TIMES[5])))
            assert sorted(int(text or -1) for text in _texts(rows, "id")) == expected, kind

    def test_an_open_window_ends_at_the_newest_row(self, arena: SourceArena) -> None:
        plan = self._increments(arena)
        with closing(_open(arena, plan)) as source:
            window = source.window("incremental", _TIMES[7], None)
            assert (window.since, window.until) == (_TIMES[7], _TIMES[9])
            assert _frame(list(source.read(window))).height == 3
            full = source.window("full", None, None)
            assert full.until == _TIMES[9]
            assert _frame(list(source.read(full))).height == 12, "a full run reads rows without a cursor, too"

    def test_the_source_takes_the_lag_off(self, arena: SourceArena) -> None:
        plan = self._increments(arena)
        plan = replace(plan, increment=IncrementPlan("timestamp", "at", 2.0, start=_TIMES[4]))
        with closing(_open(arena, plan)) as source:
            assert source.window("incremental", _TIMES[7], None).since == _TIMES[5]
            assert source.window("incremental", None, None).since == _TIMES[4]
            assert source.window("manual", _TIMES[7], _TIMES[8]).since == _TIMES[7]

    def test_nothing_new_leaves_the_window_where_it_was(self, arena: SourceArena) -> None:
        plan = self._increments(arena)
        later = "2026-02-01 00:00:00"
        with closing(_open(arena, plan)) as source:
            assert source.window("incremental", later, None).until == later
        arena.fill("empty_at", {"id": "bigint", "at": "timestamp"}, [])
        empty = replace(arena.plan("empty_at"), increment=plan.increment)
        with closing(_open(arena, empty)) as source:
            assert source.window("incremental", later, None).until == later
            window = source.window("incremental", None, None)
            assert window.until is None
            arena.fill("empty_at", {"id": "bigint", "at": "timestamp"}, [["1", _TIMES[0]]])
            assert sum(batch.frame.height for batch in source.read(window)) == 0

    def test_a_bound_is_a_value_and_never_sql(self, arena: SourceArena) -> None:
        plan = self._increments(arena)
        with closing(_open(arena, plan)) as source, pytest.raises(SyncError):
            source.window("manual", "2026-01-01' OR '1'='1", None)

    def _increments(self, arena: SourceArena) -> Plan:
        """Ten rows a second apart, one dated in the far future, one without a time."""
        rows: list[list[str | None]] = [[str(at), text] for at, text in enumerate(_TIMES)]
        rows += [["10", "2999-01-01 00:00:00"], ["11", None]]
        arena.fill("windows", {"id": "bigint", "at": "timestamp"}, rows)
        return replace(arena.plan("windows"), mode="incremental", increment=IncrementPlan("timestamp", "at", 0.0))


def _open(arena: SourceArena, plan: Plan) -> Source:
    return arena.source.open(plan, arena.connections)


def _read(arena: SourceArena, plan: Plan, window: Window | None = None) -> list[Batch]:
    with closing(_open(arena, plan)) as source:
        return list(source.read(window or source.window("full", None, None)))


def _drain(arena: SourceArena, plan: Plan, stop_after: int | None = None) -> int:
    with closing(_open(arena, plan)) as source:
        rows = 0
        for number, batch in enumerate(source.read(source.window("full", None, None)), 1):
            rows += batch.frame.height
            if number == stop_after:
                break
        return rows


def _slowly(batches: Iterator[Batch]) -> None:
    for _ in batches:
        time.sleep(0.02)


def _frame(batches: list[Batch]) -> pl.DataFrame:
    import polars as pl

    return pl.concat([batch.frame for batch in batches])


def _texts(frame: pl.DataFrame, column: str) -> list[str | None]:
    return [None if value is None else str(value) for value in frame[column].to_list()]


def _peak_bytes() -> float:
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024.0
