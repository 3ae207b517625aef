"""What every target keeps of deletes: told by the source, or missing from a full read; soft and hard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

import pytest

from sync_provider.core.contracts import LoadSpec, Target
from sync_provider.core.errors import ConfigError, QualityGateError
from sync_provider.testing.target_arena import TargetArena, stored

_AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
_COLUMNS = {"id": "bigint", "name": "varchar(5)", "v": "bigint"}
#: what `DELETED` says of a row: written, deleted, rejected
_ROW, _GONE, _SEEN = False, True, None


class TargetDeleting(TargetArena):
    """Tests of deletes in a merge. Rows are (…columns, DELETED)."""

    def test_told_deletes_take_effect(self, target: Target) -> None:
        for mode in ("hard", "soft"):
            spec = self._spec(f"told_{mode}", mode)
            self.load(target, spec, [(n, "a", 1, _ROW) for n in (1, 2, 3)])
            counters, _, _ = self.load(target, spec, [(1, None, 1, _GONE), (9, None, 1, _GONE), (2, "b", 1, _ROW)])
            assert (counters.removed, counters.unchanged, counters.updated, counters.loaded) == (1, 1, 1, 3)
            assert self._alive(target, spec) == [(2, "b"), (3, "a")]
            assert self.load(target, spec, [(1, None, 1, _GONE)])[0].unchanged == 1

    def test_what_comes_last_in_a_run_holds(self, target: Target) -> None:
        for mode in ("hard", "soft"):
            for newest in ((), ("v",)):
                spec = self._spec(f"order_{mode}_{len(newest)}", mode, newest)
                self.load(target, spec, [(2, "was", 0, _ROW), (3, "was", 0, _ROW)])
                rows = [
                    (1, "i", 1, _ROW), (1, "u", 2, _ROW), (1, None, 3, _GONE),
                    (2, None, 1, _GONE), (2, "again", 2, _ROW), (3, None, 1, _GONE),
                ]  # fmt: skip
                counters, _, _ = self.load(target, spec, rows[:2], rows[2:])
                assert (counters.deduplicated, counters.removed, counters.updated, counters.unchanged) == (3, 1, 1, 1)
                assert self._alive(target, spec) == [(2, "again")]

    def test_a_delete_never_goes_over_a_newer_row(self, target: Target) -> None:
        for mode in ("hard", "soft"):
            spec = self._spec(f"newer_{mode}", mode, ("v",))
            self.load(target, spec, [(1, "new", 5, _ROW), (2, "same", 5, _ROW), (3, "null", None, _ROW)])
            counters, _, _ = self.load(target, spec, [(1, None, 4, _GONE), (2, None, 5, _GONE), (3, None, 1, _GONE)])
            assert (counters.removed, counters.superseded) == (2, 1)
            assert self._alive(target, spec) == [(1, "new")]

    def test_a_soft_delete_can_be_taken_back(self, target: Target) -> None:
        spec = self._spec("back", "soft", ("v",), metadata=("r1", _AT))
        self.load(target, spec, [(1, "a", 1, _ROW)])
        self.load(target, replace(spec, metadata=("r2", _AT)), [(1, None, 3, _GONE)])
        assert stored(target, spec, "name", "v", "_sync_run_id") == [("a", 3, "r2")], "the values it had last are kept"
        counters, _, _ = self.load(target, spec, [(1, "late", 2, _ROW)])
        assert (counters.superseded, self._alive(target, spec)) == (1, []), "older than its delete"
        self.load(target, spec, [(1, "again", 4, _ROW)])
        assert self._alive(target, spec) == [(1, "again")]

    def test_missing_rows_are_deleted(self, target: Target) -> None:
        for mode in ("hard", "soft"):
            spec = self._spec(f"missing_{mode}", mode, delete_missing=True)
            self.load(target, spec, [(n, "a", 1, _ROW) for n in range(1, 5)])
            counters, _, _ = self.load(target, spec, [(1, "b", 1, _ROW), (2, "b", 1, _ROW)], [(5, "b", 1, _ROW)])
            assert (counters.deleted, counters.inserted, counters.updated, counters.removed) == (2, 1, 2, 0)
            assert self._alive(target, spec) == [(1, "b"), (2, "b"), (5, "b")]
            again = [(n, "c", 1, _ROW) for n in (1, 2, 3, 5)]
            assert self.load(target, spec, again)[0].deleted == 0
            assert self._alive(target, spec) == [(n, "c") for n in (1, 2, 3, 5)], "a row that is back is not deleted"

    def test_rejected_rows_are_not_missing(self, target: Target) -> None:
        rules = (("u", "quarantine", ("name",)),)
        spec = self._spec("rejected", "hard", delete_missing=True, unique=rules)
        self.load(target, spec, [(n, f"{n}", 1, _ROW) for n in range(1, 9)])
        rows = [
            (1, None, None, _SEEN), (2, "too long", 1, _ROW), (3, "same", 1, _ROW), (4, "same", 1, _ROW),
            (5, "a", 1, _ROW), (6, "b", 1, _ROW),
        ]  # fmt: skip
        counters, rejected, _ = self.load(target, spec, rows)
        assert sorted(rejected["__row"]) == [2, 3, 4]
        assert counters.deleted == 2
        assert self._alive(target, spec) == [(1, "1"), (2, "2"), (3, "3"), (4, "4"), (5, "a"), (6, "b")]

    def test_a_rejected_row_without_a_key_keeps_all(self, target: Target) -> None:
        spec = self._spec("keyless", "hard", delete_missing=True)
        self.load(target, spec, [(1, "a", 1, _ROW), (2, "a", 1, _ROW)])
        for rows in ([(1, "b", 1, _ROW), (None, None, None, _SEEN)], [(1, "b", 1, _ROW), (None, "x", 1, _ROW)]):
            assert self.load(target, spec, rows)[0].deleted == 0
            assert "1 rejected rows have no readable key" in self.notes[0]
        assert self._alive(target, spec) == [(1, "b"), (2, "a")]

    def test_the_guard_keeps_rows_that_are_missing(self, target: Target) -> None:
        for mode in ("hard", "soft"):
            spec = self._spec(f"guard_{mode}", mode, delete_missing=True, guard_percent=50.0)
            self.load(target, spec, [(n, "a", 1, _ROW) for n in range(10)])
            with pytest.raises(QualityGateError, match="6 of 10 rows are missing in the source, so 4 would stay"):
                self.load(target, spec, [(n, "b", 1, _ROW) for n in (0, 1, 2, 3, *range(20, 60))])
            with pytest.raises(QualityGateError, match="10 of 10 rows are missing"):
                self.load(target, replace(spec, guard_percent=None))
            assert self._alive(target, spec) == [(n, "a") for n in range(10)]
            assert self.load(target, spec, [(n, "b", 1, _ROW) for n in range(5)])[0].deleted == 5
            assert self.load(target, replace(spec, guard_rows=0))[0].deleted == 5

    def test_a_deleted_row_needs_its_key_only(self, target: Target) -> None:
        spec = self._spec("bare", "hard", create=False)
        kinds = {name: replace(kind, nullable=name != "name") for name, kind in spec.columns.items()}
        self.create(target, replace(spec, primary_key=("id", "name")))  # `name` is NOT NULL
        self.load(target, replace(spec, deletes="", primary_key=("id", "name")), [(1, "a", 1)])
        merged = replace(spec, columns=kinds, primary_key=("id", "name"))
        counters, rejected, _ = self.load(target, merged, [(1, "a", None, _GONE), (1, None, 1, _GONE)])
        assert (counters.removed, counters.rejected) == (1, 1)
        assert rejected["message"][0] == "row 2 name is null in the primary key"

    def test_unique_and_deduplicate_look_past_deletes(self, target: Target) -> None:
        rules = {"unique": (("u", "quarantine", ("name",)),), "deduplicate": ((("v",), ()),)}
        spec = self._spec("past", "hard", **rules)
        self.load(target, spec, [(1, "a", 1, _ROW), (2, "b", 2, _ROW)])
        counters, _, _ = self.load(target, spec, [(1, "x", 3, _GONE), (2, "x", 3, _GONE), (3, "x", 3, _ROW)])
        assert (counters.removed, counters.inserted, counters.rejected, counters.deduplicated) == (2, 1, 0, 0)

    def test_a_table_without_our_column_is_refused(self, target: Target) -> None:
        spec = self._spec("without", "soft", create=False)
        self.create(target, replace(spec, deletes=""))
        with pytest.raises(ConfigError, match="has no column _deleted_at") as caught:
            self.load(target, spec, [(1, "a", 1, _ROW)])
        assert "ALTER TABLE" in caught.value.fix
        assert "deletes: hard" in caught.value.fix

    def _spec(self, table: str, mode: str, newest: Sequence[str] = (), *, create: bool = True, **more: Any) -> LoadSpec:
        keys = {"write": "merge", "primary_key": ("id",), "newest_by": tuple(newest)}
        spec = self.spec(_COLUMNS, table=table, deletes=mode, **keys, **more)
        if create:
            self.create(target=self._target, spec=spec)
        return spec

    @pytest.fixture(autouse=True)
    def _remember(self, target: Target) -> None:
        self._target = target

    def _alive(self, target: Target, spec: LoadSpec) -> list[tuple[Any, ...]]:
        """Return id and name of the rows that are not deleted."""
        if spec.deletes == "hard":
            return stored(target, spec, "id", "name")
        return [(key, name) for key, name, at in stored(target, spec, "id", "name", "_deleted_at") if at is None]
