"""Reads SQL text and lets only row-wise expressions through; imports sqlglot and nothing else."""

from __future__ import annotations

from functools import cache
from typing import Any

from sync_provider.core.expressions.expression import Expression
from sync_provider.core.expressions.functions import CAST_TYPES, FUNCTIONS, KEYWORDS, REFUSED, words
from sync_provider.core.expressions.names import unknown_name

#: shapes of syntax that look at one row only
_NODES = words("""
    Column Identifier Literal Boolean Null And Or Not Paren EQ NEQ GT GTE LT LTE NullSafeEQ NullSafeNEQ Is In Between
    Like ILike Escape RegexpLike RegexpILike Add Sub Mul Div Mod Neg DPipe Case If Tuple Interval Var
    DataType DataTypeParam Cast TryCast
""")
_REASONS = {
    "Subquery": "a subquery reads other rows; only the row's own columns can be used",
    "Select": "a query reads other rows; write only the condition",
    "Window": "a window function looks at other rows; only the row's own columns can be used",
    "Exists": "a subquery reads other rows; only the row's own columns can be used",
    "Alias": "two expressions, or a name after one; write a single expression",
    "Block": "`;` separates statements; write a single expression",
    "Star": "`*` names no column",
    "Placeholder": "placeholders are not filled in; write the value",
    "Parameter": "parameters are not filled in; write the value",
}


def parse(text: str) -> Expression:
    """Read one row expression.

    Args:
        text: SQL such as `paid_at is null or paid_at >= created_at`; functions are those of `FUNCTIONS`.

    Returns:
        The expression, with the columns it reads; its types are not known yet.

    Raises:
        ValueError: it is no SQL, or looks at anything but its own row; says where and what to write instead.
    """
    if not isinstance(text, str) or not text.strip():
        raise ValueError(f"an SQL expression is expected, got {text!r}")
    return _parse(text)


@cache
def _parse(text: str) -> Expression:
    import sqlglot
    from sqlglot import expressions as nodes
    from sqlglot.errors import ParseError, TokenError
    from sqlglot.tokens import Tokenizer

    try:
        tokens = Tokenizer().tokenize(text)
        _check_tokens(text, tokens)
        tree = sqlglot.parse_one(text)
    except TokenError as error:
        raise ValueError(
            f"{text!r} ends inside a quote\n  fix: close it, and double a quote within a text: ''"
        ) from error
    except ParseError as error:
        raise ValueError(_syntax(text, error)) from error
    _check_nodes(tree, nodes)
    columns = dict.fromkeys(node.name for node in tree.find_all(nodes.Column, bfs=False))
    _check_casts(text, tokens)
    return Expression(text, tuple(columns))


def _check_tokens(text: str, tokens: list[Any]) -> None:
    """Check what polars would read differently, and every function by the very name that is written."""
    for token, follower in zip(tokens, [*tokens[1:], None], strict=True):
        place = f" at character {token.start + 1}"
        word = token.text.lower()
        if token.comments:
            raise ValueError(f"a comment in an expression{place}\n  fix: move it to a YAML comment")
        if token.text == "::":
            raise ValueError(f"'::' is not offered{place}\n  fix: write cast(column as type)")
        if token.text == "~" or text[token.start : token.start + 2] in ("!~", "~*"):
            raise ValueError(f"the operator '~' is not offered{place}\n  fix: write regexp_like(column, 'pattern')")
        if "$$" in token.text and token.token_type.name != "STRING":
            raise ValueError(f"'$$' quoting is not offered{place}\n  fix: write 'text'")
        calls = follower is not None and follower.text == "(" and token.token_type.name not in _NO_CALL
        if (calls and word not in KEYWORDS) or word in ("current_date", "current_time", "current_timestamp"):
            _check_function(word, place)


_NO_CALL = words(
    """
    L_PAREN R_PAREN COMMA STRING NUMBER IDENTIFIER EQ NEQ GT GTE LT LTE PLUS DASH STAR SLASH MOD DPIPE NULLSAFE_EQ
    AMP PIPE CARET L_BRACKET R_BRACKET SEMICOLON DOT PARAMETER PLACEHOLDER COLON L_BRACE R_BRACE ARROW DARROW
    """
)


def _check_function(word: str, place: str) -> None:
    if word in REFUSED:
        raise ValueError(f"{word}(){place} {REFUSED[word].replace('; ', f'{chr(10)}  fix: ', 1)}")
    if word not in FUNCTIONS:
        raise ValueError(unknown_name("function", word, sorted(FUNCTIONS), place))


def _check_nodes(tree: Any, nodes: Any) -> None:
    for node in tree.walk():
        kind = type(node).__name__
        reason = _REASONS.get(kind) or (_REASONS["Subquery"] if node.args.get("query") else "")
        if reason:
            raise ValueError(reason.replace("; ", "\n  fix: ", 1) if "fix:" not in reason else reason)
        if isinstance(node, nodes.AggFunc):
            raise ValueError(f"{kind.lower()}() {REFUSED['sum']}")
        if isinstance(node, nodes.Is) and isinstance(node.expression, nodes.Boolean):
            raise ValueError(
                f"`{node.sql()}` treats NULL apart\n  fix: write coalesce({node.this.sql()}, false) instead"
            )
        if isinstance(node, nodes.Column) and node.table:
            raise ValueError(f"{node.sql()!r} has a table name\n  fix: write {node.name}")
        if kind not in _NODES and not isinstance(node, nodes.Func):
            raise ValueError(f"{node.sql()!r} is not offered in a row expression")


def _syntax(text: str, error: Any) -> str:
    first = error.errors[0] if error.errors else {}
    reason = str(first.get("description") or "not an SQL expression").split("<")[0]
    if "Required keyword" in reason:
        reason = "something is missing"
    elif "Expecting )" in reason:
        reason = "a bracket is not closed"
    else:
        reason = "not understood"
    near = first.get("highlight") or ""
    return f"{text!r}: {reason} near {near!r} at character {first.get('col', 0)}"


def _check_casts(text: str, tokens: list[Any]) -> None:
    for index, token in enumerate(tokens):
        if token.text.lower() in ("cast", "try_cast") and text[token.end + 1 :].lstrip().startswith("("):
            _check_cast_type(_cast_type(text, tokens, index + 1), token.start)


def _cast_type(text: str, tokens: list[Any], opening: int) -> str:
    """Return the type's text, of the cast whose bracket opens at token `opening`."""
    depth, alias = 0, opening
    for index in range(opening, len(tokens)):
        depth += {"(": 1, ")": -1}.get(tokens[index].text, 0) if tokens[index].token_type.name != "STRING" else 0
        if depth == 1 and tokens[index].token_type.name == "ALIAS":
            alias = index
        if depth == 0:
            return text[tokens[alias].end + 1 : tokens[index].start].strip()
    raise ValueError(f"{text!r}: a bracket is not closed")


def _check_cast_type(kind: str, start: int) -> None:
    name, _, arguments = kind.lower().partition("(")
    place = f" at character {start + 1}"
    if name.strip() not in CAST_TYPES:
        raise ValueError(unknown_name("type", kind, sorted(CAST_TYPES), place))
    if name.strip() in ("decimal", "numeric") and not arguments:
        raise ValueError(f"cast to {kind}{place} leaves the digits open\n  fix: write {kind}(18,2)")
    if arguments and name.strip() not in ("decimal", "numeric"):
        raise ValueError(f"cast to {kind}{place} does not shorten texts\n  fix: write left(column, length)")
