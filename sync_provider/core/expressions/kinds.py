"""Which types may meet in an expression: what databases answer differently, or by guessing, is refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from sync_provider.core.contracts.types import ColumnType
from sync_provider.core.expressions.dtypes import Dtypes
from sync_provider.core.expressions.functions import PARSED_TYPES, words
from sync_provider.core.expressions.written import call

_NUMBERS = words("int16 int32 int64 decimal float32 float64")
_TIMES = words("date time timestamp timestamptz")
_LITERALS = {
    "date": "date '2026-01-31'",
    "time": "time '10:00:00'",
    "timestamp": "timestamp '2026-01-31 10:00:00'",
    "timestamptz": "timestamptz '2026-01-31 10:00:00'",
}
_COMPARISONS = words("EQ NEQ GT GTE LT LTE Between In NullSafeEQ NullSafeNEQ")
_ARITHMETIC = words("Add Sub Mul Div Mod Neg")
_CHOICES = words("coalesce ifnull greatest least nullif")
_TEXT, _NUMBER, _BOOLEAN, _INTERVAL = "text", "a number", "true or false", "an interval"
_DATE, _TIMESTAMP, _INSTANT = "a date", "a timestamp", "a timestamptz"
#: polars type → what it is called; all that is not listed is a number, and NULL goes with everything
_FAMILIES = {
    "String": _TEXT, "Boolean": _BOOLEAN, "Date": _DATE, "Datetime": _TIMESTAMP, "Time": "a time",
    "Duration": _INTERVAL, "Binary": "binary", "Null": "",
}  # fmt: skip


def check(tree: Any, types: Mapping[str, ColumnType], dtypes: Dtypes, typed: bool) -> None:
    """Refuse types that do not fit together.

    Args:
        typed: whether `type:` under `columns:` says what the columns are; a filter sees them before that.

    Raises:
        ValueError: names what is compared, computed or chosen with what, and what to write.
    """
    checks = _Kinds(types, dtypes, typed)
    for node in tree.walk(bfs=False):
        checks.literals(node)
    for node in reversed(list(tree.walk(bfs=False))):
        checks.node(node)


class _Kinds:
    def __init__(self, types: Mapping[str, ColumnType], dtypes: Dtypes, typed: bool) -> None:
        self._types = types
        self._dtypes = dtypes
        self._typed = typed

    def literals(self, node: Any) -> None:
        """Name the column where one is compared with a literal of another kind."""
        from sqlglot import expressions as nodes

        sides = _sides(node) if type(node).__name__ in _COMPARISONS else []
        columns = [side for side in sides if isinstance(side, nodes.Column)]
        for side in sides:
            literal = side.this if isinstance(side, nodes.Neg) else side
            if columns and isinstance(literal, nodes.Literal):
                self._literal(columns[0].name, self._types[columns[0].name], literal, side.sql())

    def node(self, node: Any) -> None:
        """Check one node; those within it have been checked."""
        name = type(node).__name__
        if name == "Literal" and not node.is_string and not isfinite(float(node.name)):
            raise ValueError(f"{node.name} is larger than any number\n  fix: write a smaller one")
        if name in _COMPARISONS:
            self._alike(_sides(node), "is compared with")
        elif name in _ARITHMETIC:
            self._arithmetic(node)
        elif name in ("And", "Or", "Not"):
            self._conditions([part for part in (node.this, node.args.get("expression")) if part])
        elif name == "TryCast":
            self._cast(node)
        elif name == "Case":
            self._case(node)
        elif call(node) in _CHOICES:
            self._alike(node.expressions, "is chosen beside")

    def _family(self, node: Any) -> str:
        dtype = self._dtypes.of(node)
        if getattr(dtype, "time_zone", None):
            return _INSTANT
        return _FAMILIES.get(str(dtype).partition("(")[0], _NUMBER)

    def _literal(self, column: str, kind: ColumnType, literal: Any, shown: str) -> None:
        if kind.kind in ("text", "other", "json", "uuid") and not literal.is_string:
            raise ValueError(
                f"{column!r} is {kind} and is compared with the number {shown}\n  fix: {self._as_number(column)}"
            )
        if kind.kind in _NUMBERS and literal.is_string:
            raise ValueError(
                f"{column!r} is {kind} and is compared with the text {shown}\n  fix: write a number, no quotes"
            )
        if kind.kind in _TIMES:
            raise ValueError(
                f"{column!r} is {kind} and is compared with {shown}\n  fix: write it as {_LITERALS[kind.kind]}"
            )

    def _as_number(self, shown: str) -> str:
        if not self._typed:
            return f"write cast({shown} as double), or cast({shown} as decimal(18,2))"
        return f"write cast({shown} as double), or give the column a `type:` under `columns:`"

    def _alike(self, sides: Sequence[Any], said: str) -> None:
        known = [(side, family) for side in sides if (family := self._family(side))]
        for side, family in known[1:]:
            first, other = known[0][0], known[0][1]
            if family != other and {family, other} != {_DATE, _TIMESTAMP}:
                raise ValueError(
                    f"{_shown(first)} is {other} and {said} {_shown(side)}, which is {family}"
                    f"\n  fix: {self._same(known[0], (side, family))}"
                )

    def _same(self, first: tuple[Any, str], second: tuple[Any, str]) -> str:
        by_family = {first[1]: first[0].sql(), second[1]: second[0].sql()}
        if _TEXT in by_family and _NUMBER in by_family:
            return f"write cast({by_family[_NUMBER]} as text), or cast({by_family[_TEXT]} as double)"
        if _BOOLEAN in by_family and _NUMBER in by_family:
            return f"write {by_family[_BOOLEAN]} alone, or cast({by_family[_BOOLEAN]} as int)"
        if _INSTANT in by_family:
            instant = by_family[_INSTANT]
            return f"write a timestamptz '2026-01-31 10:00:00', or cast({instant} as timestamp), which is in UTC"
        return "make both of one type, with a cast or a literal such as date '2026-01-31'"

    def _arithmetic(self, node: Any) -> None:
        parts = [part for part in (node.this, node.args.get("expression")) if part]
        families = [self._family(part) for part in parts]
        for part, family in zip(parts, families, strict=True):
            if family == _TEXT:
                raise ValueError(f"{_shown(part)} is text and is computed with\n  fix: {self._as_number(part.sql())}")
            if family == _BOOLEAN:
                raise ValueError(
                    f"{_shown(part)} is {family} and is computed with\n  fix: write cast({part.sql()} as int)"
                )
        if sorted(families) == [_DATE, _INTERVAL]:
            self._whole_days(*sorted(parts, key=lambda part: self._family(part)))

    def _whole_days(self, date: Any, interval: Any) -> None:
        """A date and some hours would be cut to a date."""
        from sqlglot import expressions as nodes

        midnight = nodes.Cast(this=nodes.Literal.string("2026-01-31 00:00:00"), to=nodes.DataType.build("timestamp"))
        moved = self._dtypes.first(nodes.Add(this=midnight, expression=interval)) if _is_fixed(interval) else None
        if moved is None or moved.time().isoformat() != "00:00:00":
            raise ValueError(
                f"{_shown(date)} is a date and has no hours to move by {_shown(interval)}"
                f"\n  fix: write cast({date.sql()} as timestamp), or whole days"
            )

    def _conditions(self, parts: Sequence[Any]) -> None:
        for part in parts:
            if self._family(part) not in (_BOOLEAN, ""):
                raise ValueError(
                    f"{_shown(part)} is {self._family(part)}, not true or false\n  fix: write a comparison"
                )

    def _case(self, node: Any) -> None:
        branches = node.args["ifs"]
        if node.this:
            self._alike([node.this, *(branch.this for branch in branches)], "is compared with")
        else:
            self._conditions([branch.this for branch in branches])
        results = [*(branch.args["true"] for branch in branches), node.args.get("default")]
        self._alike([result for result in results if result], "is chosen beside")

    def _cast(self, node: Any) -> None:
        kind = node.to.sql().lower()
        have, shown = self._family(node.this), f"cast({node.this.sql()} as {kind})"
        if have == _TEXT and kind in PARSED_TYPES:
            raise ValueError(
                f"{shown}: text is not cast to {kind} in an expression"
                f"\n  fix: {f'give the column `type: {kind}` under `columns:`' if self._typed else _AS_TEXT}"
            )
        want = self._family(node)
        if _TEXT in (have, want) or not have or have == want or {have, want} <= {_DATE, _TIMESTAMP, _INSTANT}:
            return
        if {have, want} != {_BOOLEAN, _NUMBER}:
            said = f"{shown}: {have} is not cast to {kind}"
            raise ValueError(f"{said}\n  fix: compute it, such as with year() or month()")


_AS_TEXT = "compare it as text, such as day >= '2026-01-31', or as a check, which sees the `type:` of the column"


def _sides(node: Any) -> list[Any]:
    named = (node.args.get(key) for key in ("expression", "low", "high"))
    return [node.this, *(side for side in named if side), *node.expressions]


def _is_fixed(node: Any) -> bool:
    return type(node.unnest()).__name__ == "Interval"


def _shown(node: Any) -> str:
    from sqlglot import expressions as nodes

    return repr(node.name) if isinstance(node, nodes.Column) else str(node.sql())
