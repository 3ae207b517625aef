"""What every target keeps: subclass `TargetContract`, give it a `target`, and pytest runs these against yours."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from datetime import datetime, timezone
from decimal import Decimal
from itertools import count
from typing import Any

import pytest

from sync_provider.core.contracts import ROW, Counters, LoadSpec, Session, Target
from sync_provider.core.errors import CancelledError
from sync_provider.testing.target_arena import TRICKY, make_frame, stored
from sync_provider.testing.target_deleting import TargetDeleting
from sync_provider.testing.target_merging import TargetMerging
from sync_provider.testing.target_replacing import TargetReplacing
from sync_provider.testing.target_staging import TargetStaging

_AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
_ODD_NAMES = [
    "order", "Größe (cm)", "列 名", 'quo"te', "it's", "semi;colon", "UPPER", "upper", "1st", "per%cent", "a.b", ":bind",
    'a"; drop table x; --', "back\\slash", "n0", "excluded", "__t", "$1",
]  # fmt: skip


class TargetContract(TargetMerging, TargetStaging, TargetReplacing, TargetDeleting):
    """Subclass it, and define a fixture `target` that returns your target on an empty database.

    Set `schema` where tables belong into one, and the rest of `TargetArena` where yours differs.
    """

    def test_append_adds_every_row(self, target: Target) -> None:
        spec = self.spec({"id": "bigint", "name": "text"})
        self.create(target, spec)
        counters, _, _ = self.load(target, spec, [(1, "a"), (2, None)], [(2, "c")])
        assert (counters.loaded, counters.inserted) == (3, 3)
        assert stored(target, spec) == [(1, "a"), (2, "c"), (2, None)]
        assert target.describe(self.schema, "nowhere") is None

    def test_text_arrives_exactly(self, target: Target) -> None:
        for columns in ({"x": "text"}, {"x": "text", "n": "bigint", "y": "text"}):
            spec = self.spec(columns, table=f"tricky{len(columns)}")
            self.create(target, spec)
            rows = [(text,) if len(columns) == 1 else (text, 1, text) for text in TRICKY]
            assert self.load(target, spec, rows)[0].inserted == len(TRICKY)
            assert stored(target, spec, "x") == sorted(((text,) for text in TRICKY), key=repr)

    def test_every_type_arrives_exactly(self, target: Target) -> None:
        row = {
            "i": ("smallint", -(2**15)), "b": ("bigint", 2**63 - 1), "d": ("decimal(12,2)", Decimal("-1234567890.10")),
            "w": ("decimal(38,10)", Decimal("1234567890123456789012345678.0123456789")), "f": ("double", 0.1),
            "inf": ("double", float("inf")), "o": ("boolean", False), "day": ("date", datetime(9999, 12, 31).date()),
            "t": ("time", datetime(1, 1, 1, 23, 59, 59, 999999).time()), "at": ("timestamptz", _AT),
            "n": ("timestamp", datetime(44, 3, 15, 0, 0, 0, 1)), "j": ("json", '{"a": 1.10,  "a": "中"}'),
            "u": ("uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"), "x": ("binary", b"\x00\xff\\n"),
        }  # fmt: skip
        row = row if self.infinity else {name: cell for name, cell in row.items() if name != "inf"}
        spec = self.spec({name: kind for name, (kind, _) in row.items()})
        self.create(target, spec)
        nothing = [None] * len(row)
        counters, rejected, _ = self.load(target, spec, [[value for _, value in row.values()], nothing])
        assert counters.inserted == 2, rejected.rows()
        found = dict(zip(row, next(r for r in stored(target, spec) if r[0] is not None), strict=True))
        assert {name: self.shown(value) for name, value in found.items()} == {
            name: self.shown(value) for name, (_, value) in row.items()
        }

    def shown(self, value: Any) -> str:
        """Return a stored or loaded value as comparable text; override where your target stores types as text."""
        return str(value)

    def test_a_row_the_target_refuses_is_named(self, target: Target) -> None:
        for write, key in (("append", ()), ("merge", ("id",))):
            spec = self.spec(
                {"id": "bigint", "name": "varchar(5)", "note": "text"}, table=write, write=write, primary_key=key
            )
            self.create(target, spec)
            rows = [(1, "12345", "a\nb"), (2, "123456", "x\n\ny"), (3, "中文中文中", None), (4, "too long", 'q"')]
            counters, rejected, _ = self.load(target, spec, rows)
            assert counters.inserted == 2
            assert rejected[ROW].to_list() == [2, 4]
            assert set(rejected["kind"]) == {"data"}
            assert rejected["rule"][0].startswith("target(")
            assert "12345" in rejected["data"][0]
            assert stored(target, spec, "id") == [(1,), (3,)]

    def test_many_refused_rows_stay_fast(self, target: Target) -> None:
        spec = self.spec({"id": "bigint", "name": "varchar(5)"})
        self.create(target, spec)
        rows = [(n, "too long" if n % 10 == 0 else "short") for n in range(1, 5001)]
        started = time.monotonic()
        counters, rejected, _ = self.load(target, spec, rows)
        assert (counters.inserted, rejected.height) == (4500, 500)
        assert set(rejected[ROW]) == set(range(10, 5001, 10))
        assert time.monotonic() - started < 30

    def test_odd_names_are_names(self, target: Target) -> None:
        names = [name for name in _ODD_NAMES if name != "upper" or not self.folds_case]
        spec = self.spec(dict.fromkeys(names, "text"), table='odd "table"; --', write="merge", primary_key=("order",))
        self.create(target, spec)
        rows = [[f"{name}{n}" for name in names] for n in range(3)]
        assert self.load(target, spec, rows)[0].inserted == 3
        assert self.load(target, spec, rows)[0].updated == 3
        assert stored(target, spec) == [tuple(row) for row in rows]
        described = target.describe(self.schema, spec.table)
        assert described is not None
        assert list(described) == names
        unique = replace(spec, unique=tuple((name, "quarantine", (name,)) for name in names), newest_by=("列 名",))
        assert self.load(target, unique, [*rows, rows[0]])[1].height == 2

    def test_metadata_columns_say_which_run(self, target: Target) -> None:
        spec = self.spec({"id": "bigint"}, metadata=("run 'a'", _AT))
        merge = replace(spec, table="merged", write="merge", primary_key=("id",))
        for each in (spec, merge):
            self.create(target, each)
            self.load(target, each, [(1,)])
            self.load(target, replace(each, metadata=("run b", _AT)), [(2,)])
            assert stored(target, each, "id", "_sync_run_id") == [(1, "run 'a'"), (2, "run b")]
        assert self.load(target, merge, [(1,), (2,)])[0].updated == 2

    def test_a_repeated_append_replaces_what_it_wrote(self, target: Target) -> None:
        spec = self.spec({"id": "bigint"}, metadata=("r1", _AT))
        self.create(target, spec)
        self.load(target, replace(spec, metadata=("r0", _AT)), [(1,)])
        self.load(target, spec, [(1,), (2,)])
        counters, _, _ = self.load(target, replace(spec, replace_run="r1"), [(3,)])
        assert (counters.deleted, counters.inserted) == (2, 1)
        assert stored(target, spec) == [(1,), (3,)]

    def test_an_append_with_lag_replaces_the_range(self, target: Target) -> None:
        spec = self.spec({"id": "bigint", "at": "timestamptz"})
        self.create(target, spec)
        days = [datetime(2026, 1, day, tzinfo=timezone.utc) for day in range(1, 6)]
        self.load(target, spec, [(number, day) for number, day in enumerate(days, 1)])
        again = replace(spec, replace_since=("at", "2026-01-02T00:00:00Z"), replace_until="2026-01-04 00:00:00+00")
        counters, _, _ = self.load(target, replace(again, replace_until_included=False), [(20, days[1])])
        assert counters.deleted == 2
        assert self.load(target, again, [(40, days[3])])[0].deleted == 2
        assert stored(target, spec, "id") == [(1,), (40,), (5,)]
        assert self.load(target, replace(again, replace_since=("at", None)), [])[0].deleted == 2
        assert stored(target, spec, "id") == [(5,)]

    def test_rollback_leaves_nothing(self, target: Target) -> None:
        for more in ({}, {"write": "merge", "primary_key": ("id",)}):
            spec = self.spec({"id": "bigint"}, table=f"rolled{len(more)}", **more)
            self.create(target, spec)
            self.load(target, spec, [(1,), (2,)], commit=False)
            assert stored(target, spec) == []
            assert self.load(target, spec, [(1,)])[0].inserted == 1

    def test_an_empty_load_is_a_load(self, target: Target) -> None:
        for more in ({}, {"write": "merge", "primary_key": ("id",), "unique": (("u", "quarantine", ("id",)),)}):
            spec = self.spec({"id": "bigint"}, table=f"empty{len(more)}", **more)
            self.create(target, spec)
            assert self.load(target, spec)[0] == Counters()

    def test_cancel_is_heard_within_two_seconds(self, target: Target) -> None:
        spec = self.spec({"id": "bigint", "v": "text"}, write="merge", primary_key=("id",))
        self.create(target, spec)
        session = target.session()
        at: list[float] = []

        def stop() -> None:
            at.append(time.monotonic())
            session.cancel()

        threading.Timer(0.5, stop).start()
        with pytest.raises(CancelledError):
            self._write_for_ever(target, session, spec)
        session.rollback()
        session.close()
        assert time.monotonic() - at[0] < 2
        assert stored(target, spec) == []

    def _write_for_ever(self, target: Target, session: Session, spec: LoadSpec) -> None:
        session.begin()
        load = target.load(session, spec)
        for batch in count():
            load.write(make_frame(spec, [(n, "x" * 50) for n in range(2_000)], batch * 2_000))

    def test_described_columns_are_those_created(self, target: Target) -> None:
        spec = self.spec({"id": "bigint", "v": "text", "at": "timestamptz", "o": "boolean"}, write="merge",
                         primary_key=("id",))  # fmt: skip
        self.create(target, spec)
        found = target.describe(self.schema, spec.table)
        assert found is not None
        assert {name: kind.kind for name, kind in found.items()} == {
            name: self.described.get(kind.kind, kind.kind) for name, kind in spec.columns.items()
        }
        assert (found["id"].nullable, found["v"].nullable) == (False, True)

    def test_terminate_of_nothing_is_silent(self, target: Target) -> None:
        for backend in ("", "0:2026-01-01 00:00:00+00", "nonsense"):
            target.terminate(backend)
        target.ping()
