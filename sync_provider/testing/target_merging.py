"""What every target keeps of rules about a whole run and of merging; part of `target_contract`."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from sync_provider.core.contracts import Target
from sync_provider.core.errors import ConfigError, QualityGateError
from sync_provider.testing.target_arena import TRICKY, TargetArena, stored

_AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)


class TargetMerging(TargetArena):
    """Tests of merge, deduplicate and unique."""

    def test_merge_inserts_and_updates(self, target: Target) -> None:
        spec = self.spec({"id": "bigint", "name": "text"}, write="merge", primary_key=("id",))
        self.create(target, spec)
        assert self.load(target, spec, [(1, "a"), (2, "b")])[0].inserted == 2
        counters, _, _ = self.load(target, spec, [(2, "B")], [(3, "c")])
        assert (counters.inserted, counters.updated) == (1, 1)
        assert stored(target, spec) == [(1, "a"), (2, "B"), (3, "c")]

    def test_merge_of_keys_alone_changes_nothing(self, target: Target) -> None:
        spec = self.spec({"a": "bigint", "b": "text"}, write="merge", primary_key=("a", "b"))
        self.create(target, spec)
        self.load(target, spec, [(1, "x")])
        counters, _, _ = self.load(target, spec, [(1, "x"), (1, "y")])
        assert (counters.inserted, counters.unchanged) == (1, 1)

    def test_merge_never_overwrites_a_newer_row(self, target: Target) -> None:
        spec = self.spec(
            {"id": "bigint", "v": "text", "at": "timestamptz", "n": "bigint"},
            write="merge", primary_key=("id",), newest_by=("at", "n"),
        )  # fmt: skip
        self.create(target, spec)
        later, earlier = _AT + timedelta(microseconds=1), _AT - timedelta(days=400)
        self.load(target, spec, [(i, "old", _AT, 5) for i in range(1, 7)] + [(7, "old", None, None)])
        new = [
            (1, "new", later, 1), (2, "older", earlier, 9), (3, "new", _AT, 6), (4, "older", _AT, 4),
            (5, "older", None, 9), (6, "same", _AT, 5), (7, "new", earlier, None),
        ]  # fmt: skip
        counters, _, _ = self.load(target, spec, new)
        assert (counters.updated, counters.superseded) == (4, 3)
        assert [value for _, value in stored(target, spec, "id", "v")] == [
            "new", "old", "new", "old", "old", "same", "new",
        ]  # fmt: skip

    def test_the_newest_of_a_batch_wins(self, target: Target) -> None:
        spec = self.spec(
            {"id": "bigint", "v": "text", "at": "timestamp"}, write="merge", primary_key=("id",), newest_by=("at",)
        )
        self.create(target, spec)
        at = datetime(2026, 1, 1)
        rows = [(1, "a", at), (1, "newest", at + timedelta(hours=1)), (2, "a", at), (2, "last", at), (1, "null", None)]
        counters, _, _ = self.load(target, spec, rows[:2], rows[2:])
        assert (counters.inserted, counters.deduplicated) == (2, 3)
        assert stored(target, spec, "v") == [("last",), ("newest",)]

    def test_a_null_key_is_rejected(self, target: Target) -> None:
        spec = self.spec({"a": "bigint", "b": "text", "v": "text"}, write="merge", primary_key=("a", "b"))
        self.create(target, spec)
        counters, rejected, _ = self.load(target, spec, [(1, "x", "v"), (None, "x", "v"), (None, None, "v")])
        assert counters.inserted == 1
        assert rejected["message"].to_list() == [
            "row 2 a is null in the primary key",
            "row 3 a, b is null in the primary key",
        ]
        assert rejected["key"].to_list() == ['{"a":null,"b":"x"}', '{"a":null,"b":null}']
        assert set(rejected["kind"]) == {"data"}

    def test_deduplicate_keeps_the_last(self, target: Target) -> None:
        spec = self.spec({"k": "text", "n": "bigint"}, deduplicate=((("k",), ("n",)),))
        self.create(target, spec)
        counters, _, _ = self.load(target, spec, [("a", 2), ("a", 1), (None, 1)], [("b", None), ("b", 0), (None, 1)])
        assert (counters.inserted, counters.deduplicated) == (4, 2)
        assert stored(target, spec) == sorted([("a", 2), ("b", 0), (None, 1), (None, 1)], key=repr)

    def test_all_rows_of_a_double_group_break_unique(self, target: Target) -> None:
        rules = (("unique(a)", "quarantine", ("a",)), ("one per b", "drop", ("b", "c")), ("w", "warn", ("c",)))
        spec = self.spec({"a": "bigint", "b": "text", "c": "text"}, unique=rules)
        self.create(target, spec)
        rows = [
            (1, "p", "x"), (1, "q", "x"), (2, "r", "y"), (3, "r", "y"), (None, "s", "z"), (None, "t", "z"),
            (4, None, "v"), (5, None, "v"), (6, "u", None),
        ]  # fmt: skip
        counters, rejected, warned = self.load(target, spec, rows[:3], rows[3:])
        assert (counters.inserted, counters.dropped, counters.rejected) == (5, 2, 2)
        assert rejected["rule"].to_list() == ["unique(a)"] * 2
        assert rejected["message"][0] == "row 1 a=1 is not unique in this run: 2 rows have it"
        assert rejected["data"][1] == '{"a":"1","b":"q","c":"x"}'
        assert (dict(warned), counters.warned) == ({"w": 4}, 4)

    def test_unique_can_stop_the_run(self, target: Target) -> None:
        spec = self.spec({"a": "bigint"}, unique=(("unique(a)", "abort", ("a",)),))
        self.create(target, spec)
        with pytest.raises(QualityGateError, match=r"check 'unique\(a\)': 2 rows are not unique .* row 1 a=7"):
            self.load(target, spec, [(7,), (7,), (8,)])
        assert stored(target, spec) == []

    def test_a_second_run_of_the_same_rows_changes_nothing(self, target: Target) -> None:
        spec = self.spec(
            {"id": "bigint", "v": "text", "at": "timestamptz"}, write="merge", primary_key=("id",), newest_by=("at",)
        )
        self.create(target, spec)
        rows = [(n, f"v{n}", _AT + timedelta(seconds=n)) for n in range(100)]
        self.load(target, spec, rows[:60], rows[60:])
        before = stored(target, spec)
        assert self.load(target, spec, rows[:10], rows[10:])[0].loaded == 100
        assert stored(target, spec) == before

    def test_merge_without_a_unique_key_is_refused(self, target: Target) -> None:
        spec = self.spec({"id": "bigint", "v": "text"})
        self.create(target, spec)
        with pytest.raises(ConfigError, match="unique index") as caught:
            self.load(target, replace(spec, write="merge", primary_key=("id",)), [(1, "a")])
        assert "CREATE UNIQUE INDEX" in caught.value.fix

    def test_text_arrives_exactly_through_a_merge(self, target: Target) -> None:
        spec = self.spec({"id": "bigint", "x": "text"}, write="merge", primary_key=("id",))
        self.create(target, spec)
        self.load(target, spec, list(enumerate(TRICKY)))
        self.load(target, spec, list(enumerate(TRICKY)))
        assert stored(target, spec) == sorted(enumerate(TRICKY), key=repr)
