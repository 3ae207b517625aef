"""An expression as a tree that keeps every name as it is written, and that tree as SQL for polars."""

from __future__ import annotations

from functools import cache
from typing import Any

#: calls whose arguments have a grammar of their own
_SPECIAL = ("CAST", "TRY_CAST", "EXTRACT", "POSITION", "SUBSTRING", "TRIM")
#: what polars reads as `type 'text'`
_MOMENTS = ("DATE", "TIME", "TIMESTAMP", "TIMESTAMPTZ")


def tree(text: str) -> Any:
    """Return the tree of an expression that `parse` let through."""
    import sqlglot

    return sqlglot.parse_one(text, dialect=_dialect())


def sql(node: Any) -> str:
    """Write a tree as polars reads it; every name is quoted."""
    return str(node.sql(dialect=_dialect(), identify=True))


def call(node: Any) -> str:
    """Return the lower-case name of the function that a node calls; '' where it is no call."""
    from sqlglot import expressions as nodes

    return str(node.this).lower() if isinstance(node, nodes.Anonymous) else ""


@cache
def _dialect() -> type[Any]:
    from sqlglot import expressions as nodes
    from sqlglot import generator, parser, tokens
    from sqlglot.dialects.dialect import Dialect

    class Written(Dialect):  # type: ignore[misc]
        class Tokenizer(tokens.Tokenizer):  # type: ignore[misc]
            #: kept apart: `real` has 32 bits and `float` has 64
            KEYWORDS = {  # noqa: RUF012
                **tokens.Tokenizer.KEYWORDS,
                "REAL": tokens.TokenType.FLOAT,
                "FLOAT": tokens.TokenType.DOUBLE,
            }

        class Parser(parser.Parser):  # type: ignore[misc]
            #: no function is known, so none is renamed
            FUNCTIONS: dict[str, Any] = {}  # noqa: RUF012
            FUNCTION_PARSERS = {name: parser.Parser.FUNCTION_PARSERS[name] for name in _SPECIAL}  # noqa: RUF012

        class Generator(generator.Generator):  # type: ignore[misc]
            TYPE_MAPPING = {  # noqa: RUF012
                **generator.Generator.TYPE_MAPPING,
                nodes.DataType.Type.FLOAT: "REAL",
            }
            TRANSFORMS = {  # noqa: RUF012
                **generator.Generator.TRANSFORMS,
                nodes.Interval: _interval,
                nodes.StrPosition: _position,
                nodes.Trim: _trim,
                nodes.Cast: _cast,
            }

    return Written


def _interval(writer: Any, node: Any) -> str:
    unit = node.args.get("unit")
    return f"INTERVAL '{node.name}{f' {unit.name}' if unit else ''}'"


def _position(writer: Any, node: Any) -> str:
    return f"POSITION({writer.sql(node, 'substr')} IN {writer.sql(node, 'this')})"


def _trim(writer: Any, node: Any) -> str:
    characters = writer.sql(node, "expression")
    name = {"LEADING": "LTRIM", "TRAILING": "RTRIM"}.get(node.text("position").upper())
    if name:
        return f"{name}({writer.sql(node, 'this')}{f', {characters}' if characters else ''})"
    return f"TRIM({characters} FROM {writer.sql(node, 'this')})" if characters else f"TRIM({writer.sql(node, 'this')})"


def _cast(writer: Any, node: Any) -> str:
    kind = writer.sql(node, "to")
    if kind in _MOMENTS and node.this.is_string:
        return f"{kind} {writer.sql(node, 'this')}"
    return f"CAST({writer.sql(node, 'this')} AS {kind})"
