"""What a rule, a cleaner and a mask promise: the words under `checks:`, `clean:` and `mask:`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Protocol

from sync_provider.core.contracts.types import ColumnType

if TYPE_CHECKING:
    import polars as pl


class Rule(Protocol):
    """A row rule: `core/rules/<word>.py` exposes `RULE`. It is a name and an expression; NULL never breaks it
    (but for not_null)."""

    word: str

    def parse(self, params: Any) -> Sequence[RuleCase]:
        """Check the YAML parameters and return one case per column tested. Raises ValueError with the fix."""


@dataclass(frozen=True, slots=True)
class RuleCase:
    """One column (or expression) under one rule.

    Args:
        columns: target columns it reads.
        broken: types → polars expression, true where the row breaks the rule. Called lazily; None for set rules.
        message: what is said of a broken row, after `column=value `; e.g. `is null`, `is below 0`.
        scope: row | set. Set rules (unique) are decided in the target's staging table.
    """

    columns: tuple[str, ...]
    broken: Callable[[Mapping[str, ColumnType]], pl.Expr] | None
    message: str
    scope: str = "row"


class Cleaner(Protocol):
    """A cleaner: `core/cleaners/<word>.py` exposes `CLEANER`. Pure; applying it twice is applying it once."""

    word: str

    def parse(self, params: Any) -> CleanStep:
        """Check the YAML parameters. Raises ValueError with the fix."""


@dataclass(frozen=True, slots=True)
class CleanStep:
    """A parsed cleaning step.

    Args:
        columns: target columns it touches (for checking names).
        exprs: types → {column: expression} replacing values; None where the step only removes rows.
        keep: types → expression, false where the row is removed (counted as dropped); None = removes none.
        deduplicate: (key, order_by) when the step is decided over the whole run in target staging.
    """

    columns: tuple[str, ...]
    exprs: Callable[[Mapping[str, ColumnType]], dict[str, pl.Expr]] | None = None
    keep: Callable[[Mapping[str, ColumnType]], pl.Expr] | None = None
    deduplicate: tuple[tuple[str, ...], tuple[str, ...]] | None = None


class Mask(Protocol):
    """A masking method: `core/masks/<word>.py` exposes `MASK`."""

    word: str
    #: whether equal values stay equal, so that a masked key still joins
    keeps_equality: bool
    #: whether it needs a key from a connection (`key: <connection id>`)
    needs_key: bool

    def parse(self, params: Mapping[str, Any]) -> None:
        """Check the YAML parameters. Raises ValueError with the fix."""

    def apply(self, column: str, params: Mapping[str, Any], key: bytes | None) -> pl.Expr:
        """Return the masked text of `column` (String in, String out, NULL stays NULL)."""


def column_names(params: Any, word: str) -> tuple[str, ...]:
    """Read the columns of a word: `not_null: id` or `not_null: [id, name]`. Raises ValueError."""
    names = [params] if isinstance(params, str) else params
    if not isinstance(names, (list, tuple)) or not names or not all(isinstance(name, str) and name for name in names):
        raise ValueError(f"expects column names, got {params!r}\n  fix: write `{word}: [column, …]`")
    return tuple(names)


def column_params(params: Any, word: str, example: str) -> Mapping[str, Any]:
    """Read a word's map of column → parameter, `range: {amount: {min: 0}}`. Raises ValueError."""
    if not isinstance(params, Mapping) or not params or not all(isinstance(name, str) for name in params):
        raise ValueError(f"expects a map of columns, got {params!r}\n  fix: write `{word}: {{column: {example}}}`")
    return params


def check_params(params: Mapping[str, Any], known: Sequence[str], word: str) -> None:
    """Refuse parameters a word does not have. Raises ValueError with the nearest one."""
    for name in params:
        if name not in known:
            near = get_close_matches(str(name), known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else f"\n  fix: use one of: {', '.join(known) or 'none'}"
            raise ValueError(f"{word} has no parameter {name!r}{hint}")
