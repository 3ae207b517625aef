"""What a source that reads by key or by flag promises beside: mix these into your `IncrementContract`."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from sync_provider.core.contracts import IncrementPlan, Plan, Source
from sync_provider.core.errors import SyncError

if TYPE_CHECKING:
    from sync_provider.testing.source_contract import SourceArena


class KeyContract:
    """`strategy: key`: numbers are compared as numbers, text as bytes, and both are kept as text."""

    def test_keys_that_are_numbers(self, arena: SourceArena) -> None:
        arena.fill("numbers", {"id": "bigint"}, [["8"], ["9"], ["10"], ["100"], [None]])
        plan = replace(arena.plan("numbers"), increment=IncrementPlan("key", "id"))
        with closing(arena.source.open(plan, arena.connections)) as source:
            window = source.window("incremental", "9", None)
            assert (window.since, window.until, window.checkpoint) == ("9", "100", None)
            assert _ids(source, plan, "9") == ["10", "100", "9"]
            assert source.window("incremental", "101", None).until == "101"
            assert source.window("full", None, None).until == "100"
            by_hand = source.window("manual", "9", "100")
            assert sum(batch.frame.height for batch in source.read(by_hand)) == 2, "until is not included"
            by_hand = source.window("manual", "9", None)
            assert sum(batch.frame.height for batch in source.read(by_hand)) == 3

    def test_a_lag_of_keys(self, arena: SourceArena) -> None:
        arena.fill("lagging", {"id": "bigint"}, [["1"], ["5"], ["10"]])
        plan = replace(arena.plan("lagging"), increment=IncrementPlan("key", "id", start="5", lag_keys=4))
        with closing(arena.source.open(plan, arena.connections)) as source:
            assert source.window("incremental", "10", None).since == "6"
            assert source.window("incremental", None, None).since == "5"

    def test_keys_that_are_text(self, arena: SourceArena) -> None:
        arena.fill("words", {"id": "text"}, [["B"], ["a"], ["b"], ["é"], ["it's"]])
        plan = replace(arena.plan("words"), increment=IncrementPlan("key", "id"))
        with closing(arena.source.open(plan, arena.connections)) as source:
            assert source.window("incremental", "a", None).until == "é"
            assert _ids(source, plan, "b") == ["b", "it's", "é"]

    def test_a_key_that_is_no_number_is_refused(self, arena: SourceArena) -> None:
        arena.fill("numbers", {"id": "bigint"}, [["8"]])
        plan = replace(arena.plan("numbers"), increment=IncrementPlan("key", "id"))
        with closing(arena.source.open(plan, arena.connections)) as source:
            for text in ("8 or 1=1", "2026-01-01", ""):
                with pytest.raises(SyncError, match="whole number"):
                    source.window("incremental", text, None)

    def test_no_key_no_rows(self, arena: SourceArena) -> None:
        arena.fill("nothing", {"id": "bigint"}, [])
        plan = replace(arena.plan("nothing"), increment=IncrementPlan("key", "id"))
        with closing(arena.source.open(plan, arena.connections)) as source:
            window = source.window("incremental", None, None)
            assert window.until is None
            arena.fill("nothing", {"id": "bigint"}, [["1"]])
            assert sum(batch.frame.height for batch in source.read(window)) == 0


class FlagContract:
    """`strategy: flag`: claimed when the window is fixed, done when the target has the rows."""

    def test_rows_are_claimed_read_and_done(self, arena: SourceArena) -> None:
        plan = self._flagged(arena)
        with closing(arena.source.open(plan, arena.connections)) as source:
            source.ping()
            window = source.window("incremental", None, None)
            assert (window.since, window.until, window.reaches) == (None, None, None)
            assert _ids(source, plan, None) == ["1", "2", "3"], "pending, and what an earlier run left claimed"
        with closing(arena.source.open(plan, arena.connections)) as source:
            assert _ids(source, plan, None) == ["1", "2", "3"], "until they are done"
            source.ack()
            source.ack()
            assert _ids(source, plan, None) == []
        assert _states(arena, plan) == {"1": "d", "2": "d", "3": "d", "4": "d", "5": None, "6": "x"}

    def test_a_full_run_reads_every_row(self, arena: SourceArena) -> None:
        plan = self._flagged(arena)
        with closing(arena.source.open(plan, arena.connections)) as source:
            window = source.window("full", None, None)
            assert window.kind == "full"
            assert sum(batch.frame.height for batch in source.read(window)) == 6
            source.ack()
        assert _states(arena, plan) == {"1": "d", "2": "d", "3": "d", "4": "d", "5": None, "6": "x"}

    def _flagged(self, arena: SourceArena) -> Plan:
        rows = [["1", "p"], ["2", "p"], ["3", "c"], ["4", "d"], ["5", None], ["6", "x"]]
        arena.fill("flagged", {"id": "bigint", "state": "text"}, rows)
        increment = IncrementPlan("flag", "state", pending="p", claimed="c", done="d")
        return replace(
            arena.plan("flagged"), increment=increment, mode="incremental", write="merge", primary_key=("id",)
        )


def _ids(source: Source, plan: Plan, since: str | None) -> list[str]:
    window = source.window("incremental", since, None)
    return sorted(str(value) for batch in source.read(window) for value in batch.frame["id"].to_list())


def _states(arena: SourceArena, plan: Plan) -> dict[str, str | None]:
    """Return what the flags are, read without touching them."""
    with closing(arena.source.open(replace(plan, increment=None), arena.connections)) as source:
        window = source.window("full", None, None)
        rows = [row for batch in source.read(window) for row in batch.frame.iter_rows(named=True)]
    return {str(row["id"]): row["state"] for row in rows}
