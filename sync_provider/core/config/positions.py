"""Values that know where they are written: the tree `reading` makes of YAML text."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from sync_provider.core.config.problems import Problem, excerpt

#: more than a hand-written file ever needs; what stops alias bombs and endless nesting
MAX_BYTES, MAX_NODES, MAX_DEPTH = 4_000_000, 200_000, 60

_NULL = {"": None, "~": None, "null": None, "Null": None, "NULL": None}
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?[0-9]{1,4000}|0o[0-7]{1,100}|0x[0-9a-fA-F]{1,100}")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")

Path_ = tuple[Any, ...]


class Node:
    """A value and its place.

    Args:
        value: scalar, list of Node, or dict of Node.
        line, column: of the value, from 1.
        key_line, key_column: of its key; of the value itself where there is no key.
        path: where it was written in its own document, list indexes as int.
    """

    __slots__ = ("column", "document", "key_column", "key_line", "line", "path", "value")

    def __init__(self, document: Document, value: Any, path: Path_, place: tuple[int, int], key: tuple[int, int]):
        self.document = document
        self.value = value
        self.path = path
        self.line, self.column = place
        self.key_line, self.key_column = key

    def plain(self) -> Any:
        """Return the value without places."""
        value = self.value
        if isinstance(value, dict):
            return {name: child.plain() for name, child in value.items()}
        if isinstance(value, list):
            return [child.plain() for child in value]
        return value

    def holding(self, value: Any) -> Node:
        """Return a node of another value that stands where this one stands."""
        place, key = (self.line, self.column), (self.key_line, self.key_column)
        return Node(self.document, value, self.path, place, key)

    def get(self, name: str) -> Node | None:
        """Return the child under a key, or None where this is not a map or has no such key."""
        return self.value.get(name) if isinstance(self.value, dict) else None

    def find(self, path: Path_) -> Node:
        """Return the node at a path, or its nearest written ancestor."""
        node = self
        for step in path:
            value = node.value
            here = isinstance(step, int) and step < len(value) if isinstance(value, list) else _has(value, step)
            node = value[step] if here else node
        return node

    def problem(self, message: str, fix: str = "", *, at_key: bool = False, below: Path_ = (),
                severity: str = "error") -> Problem:  # fmt: skip
        """Return a problem about this value (or its key), or about `below` it where that is not written."""
        line, column = (self.key_line, self.key_column) if at_key else (self.line, self.column)
        return self.document.problem(line, column, self.path + below, message, fix, severity)

    def place(self) -> str:
        """Return `file:line`, or the document's name where it has no lines."""
        return f"{self.document.file}:{self.key_line}" if self.document.lines else self.document.file


def _has(value: Any, step: Any) -> bool:
    return isinstance(value, dict) and step in value


@dataclass(eq=False)
class Document:
    """One file as read.

    Args:
        file: path from the project root.
        root: the outermost node; None when the file cannot be read as YAML at all.
        problems: what is wrong with the YAML itself.
    """

    file: str
    lines: list[str] = field(default_factory=list)
    root: Node | None = None
    problems: list[Problem] = field(default_factory=list)

    def problem(self, line: int, column: int, path: Path_ = (), message: str = "", fix: str = "",
                severity: str = "error") -> Problem:  # fmt: skip
        """Make a problem at a place in this file."""
        written = self.lines[line - 1] if 0 < line <= len(self.lines) else ""
        text, caret = excerpt(written, column)
        return Problem(self.file, line, column, dotted(path), message, fix, severity, text, caret)


def dotted(path: Path_) -> str:
    """Return a path as people write it, `interfaces.orders.checks[1].range`."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")


def scalar(text: str) -> Any:
    """Read plain text by the YAML 1.2 core schema, but infinities: `no`, `on`, `12:30` and dates stay text."""
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    if not (text[0].isdigit() or text[0] in "+-."):
        return text
    if _INT.fullmatch(text):
        base = {"0o": 8, "0x": 16}.get(text[:2], 10)
        return int(text, base)
    if _FLOAT.fullmatch(text) and isfinite(number := float(text)):
        return number
    return text


def tree(document: Document, value: Any, path: Path_ = ()) -> Node:
    """Turn a plain value into nodes of `document`; used for what is built in."""
    if isinstance(value, dict):
        value = {name: tree(document, child, (*path, name)) for name, child in value.items()}
    elif isinstance(value, list):
        value = [tree(document, child, (*path, index)) for index, child in enumerate(value)]
    return Node(document, value, path, (1, 1), (1, 1))
