"""Rejected rows keep their order and their counts, however many there are."""

from __future__ import annotations

import polars as pl

from sync_provider.core.contracts import REJECTED
from sync_provider.core.engine.spill import KEEP, RejectedRows


def _rejected(start: int, rows: int, rule: str = "not_null(a)") -> pl.DataFrame:
    numbers = range(start, start + rows)
    data: dict[str, object] = {name: [f"{name} {n}" for n in numbers] for name in REJECTED}
    return pl.DataFrame({**data, "__row": list(numbers), "rule": [rule] * rows})


def test_many_rows_go_to_disk_and_come_back_in_order() -> None:
    kept = RejectedRows()
    for start in range(0, 30_000, 3_000):
        kept.add(_rejected(start, 3_000))
    folder = kept._folder
    assert kept.rows == 30_000
    assert kept._held_rows <= KEEP
    assert pl.concat(kept.frames())["__row"].to_list() == list(range(30_000))
    assert sum(frame.height for frame in kept.frames(limit=KEEP)) == KEEP
    kept.close()
    assert folder is not None
    assert not folder.exists()


def test_rules_are_counted_with_the_first_example() -> None:
    kept = RejectedRows()
    kept.add(_rejected(5, 2))
    kept.add(_rejected(1, 3))
    kept.add(_rejected(9, 1, rule="range(b)"), {"range(b)": (1, "given")})
    kept.add(None)
    assert kept.by_rule == {"not_null(a)": (5, "message 5"), "range(b)": (1, "given")}
