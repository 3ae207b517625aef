"""The guard of a replace is exact to the row: no row, none there, and the edge of a number and of a percentage."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sync_provider.core.contracts import LoadSpec
from sync_provider.core.errors import QualityGateError
from sync_provider.core.landing.guarding import check_missing, check_replace


def _spec(rows: int | None, percent: float | None) -> LoadSpec:
    return LoadSpec("t", None, {}, "replace", guard_rows=rows, guard_percent=percent)


def _stops(check: Callable[[LoadSpec, int, int], None], spec: LoadSpec, rows: int, held: int) -> bool:
    try:
        check(spec, rows, held)
    except QualityGateError:
        return True
    return False


@pytest.mark.parametrize(
    ("rows", "percent", "come", "held", "stops"),
    [
        (None, 50.0, 0, 0, False),
        (None, 50.0, 0, 1, True),
        (None, 50.0, 1, 2, False),
        (None, 50.0, 1, 3, True),
        (None, 1.1, 1100, 100_000, False),
        (None, 1.1, 1099, 100_000, True),
        (None, 100.0, 7, 7, False),
        (5, None, 4, 0, True),
        (5, None, 5, 100, False),
        (0, None, 0, 100, False),
        (None, None, 0, 100, True),
    ],
)
def test_edges(rows: int | None, percent: float | None, come: int, held: int, stops: bool) -> None:
    assert _stops(check_replace, _spec(rows, percent), come, held) is stops
    if held >= come:  # of missing rows those count that would stay
        assert _stops(check_missing, _spec(rows, percent), held - come, held) is stops
