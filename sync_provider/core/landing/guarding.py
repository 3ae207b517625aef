"""`guard:`: rows that would go because a source brought too little are kept, and the run is stopped."""

from __future__ import annotations

from decimal import Decimal

from sync_provider.core.contracts import LoadSpec
from sync_provider.core.errors import QualityGateError

_FIX = "look at the source; where so few rows are right, run once with `guard: {min_rows: 0}`"


def check_replace(spec: LoadSpec, rows: int, held: int) -> None:
    """Stop a replace of `held` rows by `rows`, where that is too few.

    Raises:
        QualityGateError: fewer than `guard:` asks for, or none.
    """
    if limit := _limit(spec, rows, held):
        share = f" ({100 * rows / held:.0f} %)" if held else ""
        raise QualityGateError(
            f"table {spec.table!r}: {rows:,} rows would replace {held:,}{share}, {limit}; nothing was changed",
            _FIX,
            "guard",
        )


def check_missing(spec: LoadSpec, gone: int, held: int) -> None:
    """Stop a run that would delete `gone` of `held` rows as missing in the source, where too few would stay.

    Raises:
        QualityGateError: fewer than `guard:` asks for would stay, or none.
    """
    if gone and (limit := _limit(spec, held - gone, held)):
        raise QualityGateError(
            f"table {spec.table!r}: {gone:,} of {held:,} rows are missing in the source, so {held - gone:,} would "
            f"stay, {limit}; nothing was changed",
            _FIX,
            "guard",
        )


def _limit(spec: LoadSpec, rows: int, held: int) -> str:
    """Return which limit is broken, in words, or ''."""
    if spec.guard_rows == 0:
        return ""
    if not rows and held:
        return "and no row is too few"
    if spec.guard_rows is not None and rows < spec.guard_rows:
        return f"guard: at least {spec.guard_rows:,} rows"
    if spec.guard_percent is not None and rows * 100 < Decimal(str(spec.guard_percent)) * held:
        return f"guard: at least {spec.guard_percent:g} %"
    return ""
