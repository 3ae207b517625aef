"""Rewrites an expression so that no row gets a wrong answer: wide whole numbers, and guards where there is none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sync_provider.core.expressions import casting
from sync_provider.core.expressions.dtypes import Dtypes
from sync_provider.core.expressions.functions import words
from sync_provider.core.expressions.widths import PASSING, WHOLE, width
from sync_provider.core.expressions.written import call, sql

if TYPE_CHECKING:
    import polars as pl

_FLOATING = words("sqrt exp ln log2 log10 power pow")
#: an infinity made by these may vanish again: 1 / exp(1000)
_GROWING = words("exp power pow")


@dataclass(frozen=True, slots=True)
class Guard:
    """Tells the rows on which a part of an expression has no answer.

    Args:
        columns: what that part reads.
        said: `is not int`; `cannot be computed: a / b`.
        failed: true on those rows.
    """

    columns: tuple[str, ...]
    said: str
    failed: pl.Expr


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a node stands: the conditions under which it counts, and what is done around it."""

    reached: tuple[pl.Expr, ...] = ()
    wide: str = ""
    chained: bool = False


class Exact:
    """Rewrites one checked tree; `guards` has what was found on the way.

    Args:
        text: the expression as written.
        dtypes: the types of its parts.
    """

    def __init__(self, text: str, dtypes: Dtypes) -> None:
        self.guards: list[Guard] = []
        self._text = text
        self._dtypes = dtypes

    def rewrite(self, node: Any, place: _Place = _Place()) -> Any:
        """Return the tree to evaluate."""
        if place.wide and not self._passes(node):
            inner = self.rewrite(node, replace(place, wide=""))
            return inner if self._dtypes.whole(node) == place.wide else casting.node(inner, place.wide)
        if not place.wide and self._dtypes.whole(node) and self._computes(node):
            return self.rewrite(node, replace(place, wide=width(node, self._dtypes)))
        if self._floats(node):
            made = self._by_kind(node)(node, replace(place, chained=True))
            if not place.chained or call(node) in _GROWING:
                self._guard_finite(node, made, place)
            return made
        if place.chained and type(node).__name__ not in ("Paren", "Neg"):
            place = replace(place, chained=False)
        return self._by_kind(node)(node, place)

    def _by_kind(self, node: Any) -> Callable[[Any, _Place], Any]:
        kinds: Mapping[str, Callable[[Any, _Place], Any]] = {
            "TryCast": self._cast, "Cast": self._cast, "Case": self._case, "And": self._and_or, "Or": self._and_or,
            "Div": self._divide, "Mod": self._divide,
        }  # fmt: skip
        calls = {"mod": self._divide, "coalesce": self._choose, "ifnull": self._choose, "round": self._round}
        return kinds.get(type(node).__name__) or calls.get(call(node)) or self._rebuild

    def _passes(self, node: Any) -> bool:
        """Whether a whole number goes through a node, so that what it is made of can be wide."""
        return bool(self._dtypes.whole(node)) and (type(node).__name__ in PASSING or call(node) in PASSING)

    def _computes(self, node: Any) -> bool:
        literal = type(node).__name__ == "Neg" and type(node.this).__name__ == "Literal"
        return not literal and (type(node).__name__ in WHOLE or call(node) in WHOLE)

    def _floats(self, node: Any) -> bool:
        """Whether a node computes a float that can turn out infinite or NaN."""
        name = type(node).__name__
        if name not in ("Add", "Sub", "Mul", "Div", "Mod") and call(node) not in (*_FLOATING, "mod"):
            return False
        return self._dtypes.is_float(node)

    def _rebuild(self, node: Any, place: _Place) -> Any:
        made = node.copy()
        for key, value in node.args.items():
            if isinstance(value, list):
                made.set(key, [self._child(item, place) for item in value])
            else:
                made.set(key, self._child(value, place))
        return made

    def _child(self, value: Any, place: _Place) -> Any:
        from sqlglot import expressions as nodes

        if not isinstance(value, nodes.Expression):
            return value
        kept = (nodes.Identifier, nodes.Var, nodes.DataType, nodes.Interval)
        return value.copy() if isinstance(value, kept) else self.rewrite(value, place)

    def _round(self, node: Any, place: _Place) -> Any:
        """The number of digits stays a literal."""
        first, *rest = node.expressions
        made = node.copy()
        made.set("expressions", [self.rewrite(first, place), *(item.copy() for item in rest)])
        return made

    def _cast(self, node: Any, place: _Place) -> Any:
        if type(node).__name__ == "Cast":  # a date '2026-01-31'
            return node.copy()
        operand = self.rewrite(node.this, _Place(place.reached))
        value, fits = casting.checked(operand, node.to, self._dtypes.of(node.this), self._dtypes.of(node))
        if not node.meta.get("strict"):
            return casting.where(fits, value)
        failed = self._dtypes.expr(operand).is_not_null() & ~self._dtypes.expr(fits).fill_null(False)
        self._guard(node.this, f"is not {casting.spelling(node.to)}", failed, place)
        return value

    def _case(self, node: Any, place: _Place) -> Any:
        """A branch counts where its condition is true and none before it is."""
        import polars as pl
        from sqlglot import expressions as nodes

        made, reached, inside = node.copy(), list(place.reached), _Place(place.reached)
        subject = node.this and self.rewrite(node.this, inside)
        branches = []
        for branch in node.args["ifs"]:
            test = self.rewrite(branch.this, _Place(tuple(reached)))
            tested = nodes.EQ(this=nodes.paren(subject), expression=nodes.paren(test)) if subject else test
            holds = self._dtypes.expr(tested).cast(pl.Boolean).fill_null(False)
            result = self.rewrite(branch.args["true"], replace(place, reached=(*reached, holds), chained=False))
            branches.append(nodes.If(this=test, true=result))
            reached.append(~holds)
        made.set("this", subject)
        made.set("ifs", branches)
        if node.args.get("default"):
            made.set("default", self.rewrite(node.args["default"], replace(place, reached=tuple(reached))))
        return made

    def _and_or(self, node: Any, place: _Place) -> Any:
        """The right side counts where the left one has not decided."""
        left = self.rewrite(node.this, place)
        known, decided = self._dtypes.expr(left), type(node).__name__ == "Or"
        open_ = ~known.fill_null(False) if decided else known.fill_null(True)
        right = self.rewrite(node.expression, replace(place, reached=(*place.reached, open_)))
        return type(node)(this=left, expression=right)

    def _choose(self, node: Any, place: _Place) -> Any:
        """An alternative counts where all before it are NULL."""
        made, reached, values = node.copy(), place.reached, []
        for item in node.expressions:
            values.append(self.rewrite(item, replace(place, reached=reached)))
            reached = (*reached, self._dtypes.expr(values[-1]).is_null())
        made.set("expressions", values)
        return made

    def _divide(self, node: Any, place: _Place) -> Any:
        """A divisor of zero is NULL to the engine, so that only the rows that come here are told."""
        from sqlglot import expressions as nodes

        parts = node.expressions or [node.this, node.expression]
        dividend, divisor = (self.rewrite(part, place) for part in parts)
        if type(node).__name__ == "Div" and all(self._dtypes.whole(part) for part in parts):
            dividend, divisor = casting.node(dividend, "double"), casting.node(divisor, "double")
        if not casting.nonzero(parts[1]):
            value = self._dtypes.expr(divisor)
            self._guard(node, self._said(), (value == 0) & self._dtypes.expr(dividend).is_not_null(), place)
            divisor = nodes.Anonymous(this="NULLIF", expressions=[divisor, nodes.Literal.number(0)])
        made = node.copy()
        if node.expressions:
            made.set("expressions", [dividend, divisor])
        else:
            made.set("this", dividend)
            made.set("expression", divisor)
        return made

    def _guard_finite(self, node: Any, made: Any, place: _Place) -> None:
        """Infinity and NaN go on where they came in; made of finite numbers they are no answer."""
        from sqlglot import expressions as nodes

        failed = ~self._dtypes.expr(made).is_finite()
        for leaf in node.find_all(nodes.Column, nodes.TryCast):
            if self._dtypes.is_float(leaf):
                failed = failed & self._dtypes.expr(leaf).is_finite()
        self._guard(node, self._said(), failed, place)

    def _said(self) -> str:
        return f"cannot be computed: {self._text}"

    def _guard(self, node: Any, said: str, failed: pl.Expr, place: _Place) -> None:
        from sqlglot import expressions as nodes

        for condition in place.reached:
            failed = failed & condition
        columns = dict.fromkeys(item.name for item in node.find_all(nodes.Column, bfs=False))
        self.guards.append(Guard(tuple(columns), said, failed.fill_null(False)))


def text_of(node: Any) -> str:
    """Return what polars is given."""
    return sql(node)
