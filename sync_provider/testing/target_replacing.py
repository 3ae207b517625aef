"""What every target keeps of `write: replace`, its guard, and the statements around the rows."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone

import pytest
import sqlalchemy as sa

from sync_provider.core.contracts import ROW, LoadSpec, Target
from sync_provider.core.errors import ConfigError, DataError, QualityGateError
from sync_provider.testing.target_arena import TargetArena, stored

_AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
_COLUMNS = {"id": "bigint", "name": "varchar(5)"}


class TargetReplacing(TargetArena):
    """Tests of replace, guard, pre_sql and post_sql."""

    def test_replace_leaves_what_was_read(self, target: Target) -> None:
        for swap in (False, True):
            spec = self.spec(_COLUMNS, table=f"swap_{swap}", write="replace", swap=swap, metadata=("r1", _AT))
            self.create(target, spec)
            assert self.load(target, spec, [(1, "a"), (2, "b")], [(2, "b")])[0].inserted == 3
            counters, _, _ = self.load(target, replace(spec, metadata=("r2", _AT)), [(2, "B")], [(3, "c"), (None, "n")])
            assert (counters.inserted, counters.deleted, counters.updated) == (3, 3, 0)
            assert stored(target, spec, "name", "_sync_run_id") == [("B", "r2"), ("c", "r2"), ("n", "r2")]

    def test_replace_with_a_key_keeps_the_newest_of_it(self, target: Target) -> None:
        for swap in (False, True):
            spec = self._keyed(f"keyed_{swap}", swap=swap)
            self.create(target, spec)
            rows = [(1, "new", 5), (1, "old", 4), (2, "first", None), (2, "last", None), (None, "lost", 1)]
            counters, rejected, _ = self.load(target, spec, rows)
            assert (counters.inserted, counters.deduplicated, counters.rejected) == (2, 2, 1)
            assert rejected["message"].to_list() == ["row 5 id is null in the primary key"]
            assert stored(target, spec) == [(1, "new", 5), (2, "last", None)]
            assert self.load(target, spec, [(3, "x", 1)])[0].deleted == 2, "an older row may replace a newer one"
            assert stored(target, spec, "id") == [(3,)]

    def test_rows_the_target_refuses_do_not_stop_a_replace(self, target: Target) -> None:
        spec = self.spec(_COLUMNS, write="replace")
        self.create(target, spec)
        self.load(target, spec, [(1, "a")])
        counters, rejected, _ = self.load(target, spec, [(2, "b"), (3, "too long"), (4, "d")])
        assert (counters.inserted, counters.deleted, rejected[ROW].to_list()) == (2, 1, [2])
        assert stored(target, spec, "id") == [(2,), (4,)]

    def test_a_replace_that_is_rolled_back_replaces_nothing(self, target: Target) -> None:
        for swap in (False, True):
            spec = self.spec(_COLUMNS, table=f"rolled_{swap}", write="replace", swap=swap)
            self.create(target, spec)
            self.load(target, spec, [(1, "a")])
            self.load(target, spec, [(2, "b")], commit=False)
            assert stored(target, spec) == [(1, "a")]

    def test_the_guard_keeps_what_is_there(self, target: Target) -> None:
        for swap in (False, True):
            spec = self.spec(_COLUMNS, table=f"guard_{swap}", write="replace", swap=swap, guard_percent=50.0)
            self.create(target, spec)
            ten = [(n, "x") for n in range(10)]
            self.load(target, spec, ten)
            with pytest.raises(QualityGateError, match=r"4 rows would replace 10 \(40 %\), guard: at least 50 %"):
                self.load(target, spec, ten[:4])
            with pytest.raises(QualityGateError, match=r"0 rows would replace 10 \(0 %\), and no row is too few"):
                self.load(target, spec)
            with pytest.raises(QualityGateError, match="and no row is too few"):
                self.load(target, replace(spec, guard_percent=None))
            with pytest.raises(QualityGateError, match=r"8 rows would replace 10 .* guard: at least 9 rows"):
                self.load(target, replace(spec, guard_rows=9, guard_percent=None), ten[:8])
            with pytest.raises(QualityGateError, match="4 rows would replace 10"):  # the target refuses the fifth
                self.load(target, spec, [*ten[:4], (5, "too long")])
            assert len(stored(target, spec)) == 10
            assert self.load(target, spec, ten[:5])[0].deleted == 10
            assert self.load(target, replace(spec, guard_rows=0))[0].deleted == 5

    def test_an_empty_table_may_be_replaced_by_nothing(self, target: Target) -> None:
        spec = self.spec(_COLUMNS, write="replace", guard_percent=50.0)
        self.create(target, spec)
        assert self.load(target, spec)[0].deleted == 0

    def test_a_table_that_others_reference_is_not_emptied(self, target: Target) -> None:
        spec = self._keyed("parent")
        self.create(target, spec)
        self.load(target, spec, [(1, "a", 1)])
        child = self.quoted("child")
        rule = "FOREIGN KEY (parent_id) REFERENCES"
        self.execute(target, f"CREATE TABLE {child} (parent_id bigint, {rule} {self.reference(spec.table)} (id))")
        with pytest.raises(ConfigError, match=r"referenced by .*child") as caught:
            self.load(target, spec, [(2, "b", 1)])
        assert "deletes: hard" in caught.value.fix
        assert stored(target, spec, "id") == [(1,)]

    def test_statements_run_around_the_rows(self, target: Target) -> None:
        for more in ({}, {"write": "merge", "primary_key": ("id",)}, {"write": "replace"}):
            spec = self.spec(_COLUMNS, table=f"around{len(more)}", **more)
            self.create(target, spec)
            table = self.quoted(spec.table)
            before = f"INSERT INTO {table} (id, name) VALUES (8, 'pre')"
            after = f"UPDATE {table} SET name = 'post' WHERE name = 'x'"
            self.load(target, replace(spec, pre_sql=(before,), post_sql=(after,)), [(1, "x")])
            expected = [(1, "post")] if spec.write == "replace" else [(1, "post"), (8, "pre")]
            assert stored(target, spec) == expected

    def test_a_statement_that_fails_is_named(self, target: Target) -> None:
        for write in ("append", "replace"):
            spec = self.spec({"id": "bigint", "need": "text"}, table=write, write=write, guard_rows=0)
            self.create(target, spec)
            self.load(target, spec, [(1, "a")])
            table = self.quoted(spec.table)
            good, wrong = f"DELETE FROM {table}", f"UPDATE {table} SET nowhere = 1"
            with pytest.raises(ConfigError, match=r"pre_sql\[1\]: .*nowhere"):
                self.load(target, replace(spec, pre_sql=(good, wrong)), [(2, "b")])
            with pytest.raises((ConfigError, DataError), match=r"post_sql\[0\]: .*nowhere"):
                self.load(target, replace(spec, pre_sql=(good,), post_sql=(wrong,)), [(2, "b")])
            assert stored(target, spec, "id") == [(1,)]

    def _keyed(self, table: str, *, swap: bool = False) -> LoadSpec:
        columns = {"id": "bigint", "name": "text", "v": "bigint"}
        keys = {"primary_key": ("id",), "newest_by": ("v",)}
        return self.spec(columns, table=table, write="replace", swap=swap, **keys)

    def quoted(self, table: str) -> str:
        """Return a table of this contract's schema as SQL text names it."""
        return ".".join(f'"{name}"' for name in (self.schema, table) if name)

    def reference(self, table: str) -> str:
        """Return how a foreign key names a table of this contract's schema."""
        return self.quoted(table)

    def execute(self, target: Target, sql: str) -> None:
        """Execute one statement and keep what it did."""
        session = target.session()
        try:
            session.begin()
            session.run(sa.text(sql))
            session.commit()
        finally:
            session.close()
