"""Casts of an expression: none rounds, and what does not fit is told or is NULL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl

#: largest finite numbers
_MOST = {"Float64": "1.7976931348623157e308", "Float32": "3.4028234663852886e38"}


def node(inner: Any, kind: str) -> Any:
    """Return a cast that always can be done."""
    from sqlglot import expressions as nodes

    return nodes.Cast(this=inner, to=nodes.DataType.build(kind))


def spelling(kind: Any) -> str:
    """Return a type as people write it: `decimal(12,2)`."""
    return str(kind.sql()).lower().replace(", ", ",")


def where(condition: Any, value: Any) -> Any:
    """Return the value where a condition holds, else NULL."""
    from sqlglot import expressions as nodes

    return nodes.Case(ifs=[nodes.If(this=condition, true=value)])


def checked(operand: Any, kind: Any, have: pl.DataType, want: pl.DataType) -> tuple[Any, Any]:
    """Return a cast, and the condition under which it gives the operand's very value.

    A double is nearly always a rounded number, so a cast to one may round; no cast drops digits of a decimal or of a
    whole number.
    """
    from sqlglot import expressions as nodes

    value = nodes.TryCast(this=operand, to=kind)
    some = nodes.Not(this=nodes.Is(this=value, expression=nodes.Null()))
    if str(want) in _MOST and (have.is_float() or str(have) == "String"):
        small = nodes.LTE(this=_call("ABS", value), expression=nodes.Literal.number(_MOST[str(want)]))
        finite_or_so = nodes.paren(nodes.Or(this=small, expression=_written_infinite(operand, value, have)))
        return value, nodes.And(this=some, expression=finite_or_so)
    if (have.is_float() or have.is_decimal()) and (want.is_integer() or want.is_decimal()):
        return value, nodes.EQ(this=value, expression=nodes.paren(operand))
    if str(have) == "String" and want.is_decimal():
        scale = getattr(want, "scale", 0)
        more = nodes.Literal.string(rf"\.[0-9]{{{scale}}}[0-9]*[1-9]")
        return value, nodes.and_(some, nodes.Not(this=_call("REGEXP_LIKE", operand, more)))
    return value, some


def _written_infinite(operand: Any, value: Any, have: pl.DataType) -> Any:
    """NaN and infinity are values where they come in as such."""
    from sqlglot import expressions as nodes

    if have.is_float():
        return nodes.EQ(this=value, expression=nodes.paren(operand))
    last = [nodes.Literal.string(letter) for letter in "nNfFyY"]
    return nodes.In(this=_call("RIGHT", operand, nodes.Literal.number(1)), expressions=last)


def nonzero(divisor: Any) -> bool:
    """Whether a divisor is written out and is not zero."""
    from sqlglot import expressions as nodes

    bare = divisor.unnest()
    literal = bare.this if isinstance(bare, nodes.Neg) else bare
    return isinstance(literal, nodes.Literal) and not literal.is_string and float(literal.name) != 0


def _call(name: str, *arguments: Any) -> Any:
    from sqlglot import expressions as nodes

    return nodes.Anonymous(this=name, expressions=list(arguments))
