"""What the YAML parser says → what the person did wrong, and what to do."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import yaml

from sync_provider.core.config.problems import Problem

if TYPE_CHECKING:
    from sync_provider.core.config.positions import Document

_INDENT_TAB = re.compile(r" *\t")
_TEMPLATE = re.compile(r"\{\{|\{%")
#: an unquoted parameter behind an open bracket
_PARAMETER = re.compile(r"(?<=[\s,\[{])\$\{\w{0,200}\}")
TEMPLATE = "templates are not rendered here"
TEMPLATE_FIX = "write the value itself; put quotes around it if the braces are meant as text"

#: part of the parser's text → (ours, fix); the first that matches
_SAID = (
    ("mapping values are not allowed", "a second `:` on this line, or the line is indented too far",
     "put quotes around text that contains `: `, or align the line with its neighbours"),
    ("could not find expected ':'", "this line is neither `key: value` nor a list item", "add the missing `:`"),
    ("did not find expected key", "this line does not fit the indentation above it",
     "align it with the keys of its level, or quote the text before it"),
    ("did not find expected '-'", "this line stands where the next list item was expected",
     "start it with `- `, or change its indentation"),
    ("did not find expected node content", "a value is missing here", "write the value, or remove the stray bracket"),
    ("expected <document start>", "this line is indented less than the first line",
     "start every key of the file in column 1"),
    ("unknown escape character", "a backslash in double quotes starts an escape that YAML does not know",
     "use single quotes: '…'"),
)  # fmt: skip


def explain_syntax(error: yaml.YAMLError, document: Document) -> Problem:
    """Turn the parser's exception into a problem at the place a person would look."""
    mark = getattr(error, "problem_mark", None)
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    start = getattr(error, "context_mark", None)
    said = str(getattr(error, "problem", None) or error)
    tab = _tab(document, line)
    if tab:
        return document.problem(tab, 1, (), "a tab indents this line; YAML takes spaces only", "replace tabs by spaces")
    template = _TEMPLATE.search(_line(document, line))
    if template:
        return document.problem(line, template.start() + 1, (), TEMPLATE, TEMPLATE_FIX)
    parameter = _PARAMETER.search(_line(document, line))
    if parameter and any(bracket in parameter.string[: parameter.start()] for bracket in "[{"):
        message = f"{parameter[0]} stands between brackets, where its own brace starts a map"
        fix = f'put quotes around it: "{parameter[0]}"'
        return document.problem(line, parameter.start() + 1, (), message, fix)
    if start is not None and "end of stream" in said:
        return document.problem(
            start.line + 1, start.column + 1, (), "this quote is never closed", "add the closing quote"
        )
    if start is not None and ("expected ',' or" in said or ("expected node content" in said and _flow(error))):
        closing = "}" if "}" in said or "mapping" in str(getattr(error, "context", "")) else "]"
        place = start.line + 1, start.column + 1
        if place == (line, column):  # the parser names the place where it stopped, twice
            place = _opened(document, line, column)
            closing = "}" if _line(document, place[0])[place[1] - 1 : place[1]] == "{" else "]"
        message = f"the bracket opened here is not closed before line {line}, column {column}"
        return document.problem(*place, (), message, f"add `{closing}`, or a missing comma")
    if start is not None and "expected alphabetic or numeric" in said:
        line, column, said = start.line + 1, start.column + 1, "cannot start any token"
    if "cannot start any token" in said:
        character = _line(document, line)[column - 1 : column]
        return document.problem(
            line, column, (), f"plain text cannot start with `{character}`", _quoted(document, line, column)
        )
    for part, message, fix in _SAID:
        if part in said:
            return document.problem(line, column, (), message, fix)
    return document.problem(line, column, (), f"is not valid YAML: {said.splitlines()[0]}")


def _opened(document: Document, line: int, column: int) -> tuple[int, int]:
    """Return the place of the last bracket before another place that is still open there; that place if none is."""
    depth = 0
    for number in range(line, 0, -1):
        text = _line(document, number)
        text = text[: column - 1] if number == line else text.split(" #")[0]
        for at in range(len(text), 0, -1):
            depth += (text[at - 1] in "]}") - (text[at - 1] in "[{")
            if depth < 0:
                return number, at
    return line, column


def _flow(error: yaml.YAMLError) -> bool:
    return "flow" in str(getattr(error, "context", ""))


def _quoted(document: Document, line: int, column: int) -> str:
    rest = _line(document, line)[column - 1 :].split(" #")[0].strip().rstrip("}]").strip()
    return f'put quotes around it: "{rest}"' if 0 < len(rest) <= 40 and '"' not in rest else "put quotes around it"


def _tab(document: Document, line: int) -> int:
    """Return the tab-indented line that broke the file: the one named, or one next to it; 0 = none."""
    for number in (line, line - 1, line + 1):
        if _INDENT_TAB.match(_line(document, number)):
            return number
    return 0


def _line(document: Document, number: int) -> str:
    return document.lines[number - 1] if 0 < number <= len(document.lines) else ""
