"""`regex: {phone: '^1\\d{10}$'}`: the text has a match; `^` and `$` are yours to write."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sync_provider.core.contracts import ColumnType, RuleCase, column_params

if TYPE_CHECKING:
    import polars as pl

#: what Rust's engine leaves out, so that no pattern can hang a run
_LEFT_OUT = re.compile(r"\(\?(?:[=!>]|<[=!])|(?<!\\)(?:\\\\)*\\[1-9]|\(\?P=")


class Regex:
    """Rust regular expressions: linear time, no look-around, no back-references."""

    word = "regex"

    def parse(self, params: Any) -> Sequence[RuleCase]:
        """Read `{column: pattern}`."""
        cases = []
        for column, pattern in column_params(params, self.word, r"'^\d+$'").items():
            if not isinstance(pattern, str):
                raise ValueError(f"{column!r} expects a pattern, got {pattern!r}\n  fix: write it in single quotes")
            _check_pattern(column, pattern)
            cases.append(RuleCase((column,), _no_match(column, pattern), f"does not match {pattern}"))
        return cases


def _check_pattern(column: str, pattern: str) -> None:
    """Refuse here what needs no engine to see; the engine itself reads the pattern when the plan is compiled."""
    if _LEFT_OUT.search(pattern):
        raise ValueError(f"{column!r}: {pattern!r} uses look-around or a back-reference\n  fix: use `expr:` for it")
    if not re.search(r"\\[pPzx]|\[\[:|&&", pattern):
        try:
            re.compile(re.sub(r"\(\?<([a-zA-Z])", r"(?P<\1", pattern))
        except re.error as error:
            raise ValueError(f"{column!r}: {pattern!r} is not a regular expression: {error}") from error


def _no_match(column: str, pattern: str) -> Any:
    def broken(types: Mapping[str, ColumnType]) -> pl.Expr:
        import polars as pl

        kind = types[column]
        if kind.kind not in ("text", "uuid", "json", "other"):
            raise ValueError(f"{column!r} is {kind}, and a pattern is for text\n  fix: use `range` or `expr`")
        try:
            pl.select(pl.lit("").str.contains(pattern))
        except pl.exceptions.ComputeError as error:
            reason = str(error).partition("error: ")[2].rpartition("error: ")[2].split("\n")[0]
            raise ValueError(f"{column!r}: {pattern!r} is not a regular expression: {reason}") from error
        return ~pl.col(column).str.contains(pattern)

    return broken


RULE = Regex()
