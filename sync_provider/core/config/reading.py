"""YAML bytes → nodes with places; whatever the bytes, problems in our own words instead of exceptions."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import Any

import yaml

from sync_provider.core.config.mistakes import TEMPLATE, TEMPLATE_FIX, explain_syntax
from sync_provider.core.config.positions import MAX_BYTES, MAX_DEPTH, MAX_NODES, Document, Node, Path_, scalar

_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TEXT_TAGS = ("!", "tag:yaml.org,2002:str")


class _Stop(Exception):
    """The file cannot be read further; the problem is noted."""


def read_file(path: Path, shown: str) -> Document:
    """Read one YAML file. Never raises: what goes wrong is in `problems`.

    Args:
        shown: how the file is called in messages.
    """
    try:
        mode = os.stat(path).st_mode
        if not stat.S_ISREG(mode):
            # a pipe would be waited for forever
            return _unreadable(shown, "it is a folder" if stat.S_ISDIR(mode) else "it is not a file")
        with path.open("rb") as file:
            return read_bytes(file.read(MAX_BYTES + 1), shown)
    except (OSError, ValueError) as error:
        return _unreadable(shown, getattr(error, "strerror", None) or type(error).__name__)


def _unreadable(shown: str, reason: str) -> Document:
    document = Document(shown)
    document.problems.append(document.problem(1, 1, (), f"cannot be read: {reason}"))
    return document


def read_bytes(data: bytes, shown: str) -> Document:
    """Read UTF-8 YAML holding one document; see `read_file`."""
    document = Document(shown)
    text = _decode(data, document)
    if text is None:
        return document
    document.lines = text.splitlines()
    try:
        document.root = _Builder(text, document).build()
    except _Stop:
        document.root = None
    except yaml.YAMLError as error:
        document.problems.append(explain_syntax(error, document))
    return document


def _decode(data: bytes, document: Document) -> str | None:
    if len(data) > MAX_BYTES:
        message = f"is larger than {MAX_BYTES // 1_000_000} MB"
        document.problems.append(document.problem(1, 1, (), message, "split the source into several files"))
        return None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8-sig", errors="replace")
        document.lines = data.decode("utf-8-sig", errors="replace").splitlines()
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        message = f"byte 0x{data[error.start]:02x} is not UTF-8"
        document.problems.append(document.problem(line, column, (), message, _save_as(data)))
        return None
    bad = _UNPRINTABLE.search(text)
    if bad:
        document.lines = text.replace("\0", "�").splitlines()
        before = text[: bad.start()]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        message = f"control character U+{ord(bad[0]):04X} is not allowed in YAML"
        document.problems.append(document.problem(line, column, (), message, "delete it, or save the file as UTF-8"))
        return None
    return text


def _save_as(data: bytes) -> str:
    try:
        data.decode("gb18030")
    except UnicodeDecodeError:
        return "save the file as UTF-8"
    return "save the file as UTF-8 (it looks like GBK)"


class _Frame:
    """A map or list that is still being read."""

    __slots__ = ("anchor", "key", "key_place", "node")

    def __init__(self, node: Node, anchor: str | None):
        self.node = node
        self.anchor = anchor
        self.key: str | None = None
        self.key_place = (0, 0)


class _Builder:
    """Turns the parser's events into nodes."""

    def __init__(self, text: str, document: Document):
        self.parser = yaml.CSafeLoader(text)
        self.document = document
        self.frames: list[_Frame] = []
        self.anchors: dict[str, Node] = {}
        self.count = self.documents = 0
        self.root: Node | None = None

    def build(self) -> Node:
        """Read all events and return the outermost node; an empty file is a null."""
        # by exact class: this is where most of the time of a parse goes
        read: dict[Any, Any] = {
            yaml.ScalarEvent: self._scalar, yaml.AliasEvent: self._alias, yaml.DocumentStartEvent: self._begin,
            yaml.MappingStartEvent: self._open, yaml.MappingEndEvent: self._close,
            yaml.SequenceStartEvent: self._open, yaml.SequenceEndEvent: self._close,
        }  # fmt: skip
        next_event = self.parser.get_event
        while (kind := (event := next_event()).__class__) is not yaml.StreamEndEvent:
            if kind in read:
                read[kind](event)
        return self.root or Node(self.document, None, (), (1, 1), (1, 1))

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        if self._wants_key():
            self._set_key(event)
            return
        if event.tag is not None and event.tag not in _TEXT_TAGS:
            self._refuse_tag(event)
        value = scalar(event.value) if event.implicit[0] and event.tag is None else event.value
        node = self._node(value, _place(event))
        if event.anchor is not None:
            self.anchors[event.anchor] = node
        self._put(node)

    def _open(self, event: yaml.MappingStartEvent | yaml.SequenceStartEvent) -> None:
        if self._wants_key():
            self._refuse_key(*_place(event))
        if event.tag is not None:
            self._refuse_tag(event)
        if len(self.frames) >= MAX_DEPTH:
            self._stop(_place(event), f"is nested deeper than {MAX_DEPTH} levels")
        value: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
        node = self._node(value, _place(event))
        self._put(node)
        self.frames.append(_Frame(node, event.anchor))

    def _begin(self, event: yaml.DocumentStartEvent) -> None:
        self.documents += 1
        if self.documents > 1:
            self._stop(_place(event), "a second document starts here", "write one source per file, without `---`")

    def _close(self, event: yaml.CollectionEndEvent) -> None:
        frame = self.frames.pop()
        if frame.anchor is not None:
            self.anchors[frame.anchor] = frame.node

    def _alias(self, event: yaml.AliasEvent) -> None:
        place = _place(event)
        if self._wants_key():
            self._stop(place, "a key must be plain text", "write the key out instead of an alias")
        if any(frame.anchor == event.anchor for frame in self.frames):
            self._stop(place, f"alias *{event.anchor} refers to itself", "write the values out")
        origin = self.anchors.get(str(event.anchor))
        if origin is None:
            self._stop(place, f"alias *{event.anchor} has no anchor &{event.anchor} above it",
                       f"write the text in quotes if *{event.anchor} is meant as text")  # fmt: skip
        else:
            path, key = self._next()
            self._put(self._copy(origin, path, key))

    def _copy(self, origin: Node, path: Path_, key: tuple[int, int]) -> Node:
        self._counted((origin.line, origin.column))
        value = origin.value
        if isinstance(value, dict):
            value = {
                name: self._copy(child, (*path, name), (child.key_line, child.key_column))
                for name, child in value.items()
            }
        elif isinstance(value, list):
            value = [self._copy(child, (*path, i), (child.key_line, child.key_column)) for i, child in enumerate(value)]
        return Node(self.document, value, path, (origin.line, origin.column), key)

    def _node(self, value: Any, place: tuple[int, int]) -> Node:
        self._counted(place)
        path, key = self._next()
        return Node(self.document, value, path, place, key if key[0] else place)

    def _next(self) -> tuple[Path_, tuple[int, int]]:
        """Return the path and the key's place of the value that comes now."""
        if not self.frames:
            return (), (0, 0)
        frame = self.frames[-1]
        if isinstance(frame.node.value, dict):
            return (*frame.node.path, frame.key), frame.key_place
        return (*frame.node.path, len(frame.node.value)), (0, 0)

    def _put(self, node: Node) -> None:
        if not self.frames:
            self.root = node
            return
        frame = self.frames[-1]
        if isinstance(frame.node.value, list):
            frame.node.value.append(node)
            return
        first = frame.node.value.setdefault(frame.key, node)
        if first is not node:
            message = f"key {frame.key!r} is written twice, first on line {first.key_line}"
            self.document.problems.append(node.problem(message, "remove one of the two", at_key=True))
        frame.key = None

    def _wants_key(self) -> bool:
        return bool(self.frames) and self.frames[-1].key is None and isinstance(self.frames[-1].node.value, dict)

    def _set_key(self, event: yaml.ScalarEvent) -> None:
        frame = self.frames[-1]
        frame.key, frame.key_place = event.value, _place(event)

    def _counted(self, place: tuple[int, int]) -> None:
        self.count += 1
        if self.count > MAX_NODES:
            self._stop(place, f"holds more than {MAX_NODES} values once its aliases are followed", "remove the aliases")

    def _refuse_key(self, line: int, column: int) -> None:
        if self.document.lines[line - 1][column - 2 : column] == "{{":
            self._stop((line, column - 1), TEMPLATE, TEMPLATE_FIX)
        self._stop((line, column), "a key must be plain text", "put quotes around text that starts with `{` or `[`")

    def _refuse_tag(self, event: Any) -> None:
        tag = str(event.tag).replace("tag:yaml.org,2002:", "!!")
        self._stop(
            _place(event), f"tag {tag} is not allowed", "remove the tag; put quotes around text that starts with `!`"
        )

    def _stop(self, place: tuple[int, int], message: str, fix: str = "") -> None:
        path = (
            self._next()[0]
            if self.frames and not self._wants_key()
            else self.frames[-1].node.path
            if self.frames
            else ()
        )
        self.document.problems.append(self.document.problem(*place, path, message, fix))
        raise _Stop


def _place(event: Any) -> tuple[int, int]:
    mark = event.start_mark
    return mark.line + 1, mark.column + 1
