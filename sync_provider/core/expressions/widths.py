"""How large the whole numbers of an expression can become, and the type that holds all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sync_provider.core.expressions.functions import words
from sync_provider.core.expressions.written import call

if TYPE_CHECKING:
    from sync_provider.core.expressions.dtypes import Dtypes

#: what computes a whole number that may be larger than its parts
WHOLE = words("Add Sub Mul Mod Neg abs mod")
#: what a whole number goes through
PASSING = WHOLE | words("Paren Case greatest least coalesce ifnull nullif round ceil ceiling floor")

#: largest magnitude → type; an engine's `decimal` stops where a number outgrows it, the others turn over
_WIDTHS = ((1 << 63, "bigint"), (1 << 127, "int128"))
_WIDEST = "decimal(38, 0)"


def width(node: Any, dtypes: Dtypes) -> str:
    """Return the narrowest type in which nothing under a node can turn over."""
    largest = _largest(node, dtypes)
    return next((name for bound, name in _WIDTHS if largest < bound), _WIDEST)


def _largest(node: Any, dtypes: Dtypes) -> int:
    """Return a bound of the magnitude of every whole number under a node, itself among them."""
    kind, parts = type(node).__name__, _parts(node)
    if kind == "Literal":
        return abs(int(node.name))
    if kind not in PASSING and call(node) not in PASSING:
        return dtypes.largest(node)
    bounds = [_largest(part, dtypes) for part in parts if dtypes.whole(part)]
    if kind in ("Add", "Sub"):
        return sum(bounds)
    if kind == "Mul":
        return max(bounds[0] * bounds[-1], *bounds)
    return max(bounds, default=0)


def _parts(node: Any) -> list[Any]:
    """Return what the value of a node is made of; the conditions of a CASE are not."""
    if type(node).__name__ == "Case":
        default = node.args.get("default")
        return [*(branch.args["true"] for branch in node.args["ifs"]), *([default] if default else [])]
    if call(node) == "round":
        return list(node.expressions[:1])
    return [part for part in (node.this, node.args.get("expression"), *node.expressions) if hasattr(part, "args")]
