"""config/sources/<library>/<source>.yaml → one effective, checked config per interface."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from sync_provider.core.config import environments, sense, sense_limit, templates
from sync_provider.core.config.layers import Layers
from sync_provider.core.config.messages import known_keys, problems_of, pruned
from sync_provider.core.config.models import Interface, SourceFile, SourceHead
from sync_provider.core.config.positions import Document, Node, Path_
from sync_provider.core.config.problems import Problem, sorted_unique
from sync_provider.core.config.project_file import Settings
from sync_provider.core.config.reading import read_file
from sync_provider.core.config.secrets import find_secrets
from sync_provider.core.config.words import Words, load_plugin, read_words
from sync_provider.core.contracts import SourceType

NAME = re.compile(r"[a-z][a-z0-9_]*")
_HEAD = ("type", "connection")
_CORE = frozenset(known_keys(Interface, ()))


@dataclass(frozen=True)
class Effective:
    """One interface with everything it inherits.

    Args:
        root: the merged tree; every value knows its place.
        options: the source type's own options, source and interface together.
    """

    name: str
    root: Node
    model: Interface
    words: Words
    options: Mapping[str, Any]


@dataclass(frozen=True)
class SourceConfig:
    """One source file as read.

    Args:
        names: the interfaces written there, broken ones too.
        effective: the interfaces that are fit to compile; empty when the file has an error.
        roots: effective trees of all interfaces, for `explain`.
        shared: what the interfaces inherit.
        environments: those the source exists in; () = all.
    """

    file: str
    names: tuple[str, ...] = ()
    head: SourceHead | None = None
    type: SourceType | None = None
    title: str = ""
    shared: Node | None = None
    environments: tuple[str, ...] = ()
    effective: tuple[Effective, ...] = ()
    roots: Mapping[str, Node] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()


def read_source(path: Path, shown: str, settings: Settings) -> SourceConfig:
    """Read, merge and check one source file; never raises.

    Args:
        shown: how the file is called in messages.
    """
    document = read_file(path, shown)
    if document.root is not None and document.root.value is None:
        fix = "start with `source: {type: …}` and `interfaces:`"
        return SourceConfig(shown, problems=(document.root.problem("the file is empty", fix),))
    if document.root is None:
        return SourceConfig(shown, problems=tuple(document.problems))
    return _Reading(document, document.root, settings).done()


class _Reading:
    """The state of reading one file: problems gather while we go on."""

    def __init__(self, document: Document, root: Node, settings: Settings):
        self.file = document.file
        self.root = root
        self.settings = settings
        self.problems = list(document.problems)
        self.head: SourceHead | None = None
        self.type: SourceType | None = None
        self.options: dict[str, Any] = {}

    def done(self) -> SourceConfig:
        """Read everything and return what was found."""
        root, secrets = self.root, find_secrets(self.root)
        file = self._validate(SourceFile, root, root.plain())
        source, interfaces = root.get("source"), root.get("interfaces")
        if source is not None and isinstance(source.value, dict):
            self._source(source)
        told = _without(self.problems, secrets)
        written: dict[str, Node] = interfaces.value if interfaces and isinstance(interfaces.value, dict) else {}
        names, strange = environments.only_in(root, self.settings.environments, self.settings.readable)
        told += strange
        layers = Layers(root, self.settings)
        told += layers.surplus(written)
        roots, effective = {}, []
        for name, node in written.items():
            roots[name], uses = layers.merged(node)
            told += uses
            self.problems = []
            effective.append(self._interface(name, node, roots[name], whole=not uses))
            # what an interface inherits was already looked at where it is written
            found = _without(self.problems, (*secrets, *told, *self.settings.problems))
            found = [templates.placed(problem, roots[name]) for problem in found]
            told += [problem for problem in found if problem.template is None] if uses else found
        problems = sorted_unique((*secrets, *told, *self.settings.blocking))
        return SourceConfig(
            file=self.file,
            names=tuple(written),
            head=self.head,
            type=self.type,
            title=file.title if file else "",
            shared=layers.shared,
            environments=() if strange else names,
            effective=() if problems else tuple(item for item in effective if item is not None),
            roots=roots,
            problems=problems,
        )

    def _validate(self, model: type[Any], root: Node, data: Any, more: tuple[str, ...] = (), base: Path_ = ()) -> Any:
        """Return the model; where parts are wrong, the model of the rest, or None when nothing can be made of it."""
        try:
            return model.model_validate(data)
        except ValidationError as error:
            self.problems += problems_of(error, root, model, base, more)
            rest = pruned(data, [item["loc"] for item in error.errors(include_url=False)])
        try:
            return model.model_validate(rest)
        except ValidationError:
            return None

    def _source(self, node: Node) -> None:
        head = {name: node.value[name].plain() for name in _HEAD if name in node.value}
        self.head = self._validate(SourceHead, self.root, head, base=("source",))
        if self.head is None:
            return
        found, problem = load_plugin("sources", self.head.type, node.value["type"], "source type", at_key=False)
        if problem is None and not isinstance(found, SourceType):
            problem = node.value["type"].problem(f"{self.head.type!r} is not a source type")
        if problem is not None:
            self.problems.append(problem)
            return
        self.type = found
        own = {name: child.plain() for name, child in node.value.items() if name not in _HEAD}
        options = self._validate(found.source_options, self.root, own, _HEAD, ("source",))
        self.options = options.model_dump(mode="json", by_alias=True) if options is not None else {}
        self._connection(node, self.head.connection, found.needs_connection)

    def _connection(self, node: Node, connection: str | None, needed: bool) -> None:
        if needed and not connection:
            fix = "add `connection: <Airflow connection id>`"
            self.problems.append(node.problem("missing key 'connection'", fix, at_key=True))
        elif connection and "://" in connection:
            fix = "put the URL into an Airflow connection and write its id"
            self.problems.append(node.value["connection"].problem("is a URL, not an Airflow connection id", fix))

    def _interface(self, name: str, node: Node, root: Node, *, whole: bool) -> Effective | None:
        if NAME.fullmatch(name) is None or name.endswith("__realtime"):
            self.problems.append(node.problem(*bad_name("interface", name), at_key=True))
        if node.value is not None and not isinstance(node.value, dict):
            self.problems.append(node.problem("must be a map (key: value)"))
            return None
        options_model: type[BaseModel] | None = self.type.interface_options if self.type else None
        mine = frozenset(known_keys(options_model, ()) if options_model else ()) - _CORE
        # the keys of a type nobody knows cannot be called unknown
        known = None if self.type else _CORE
        rest = {
            key: child.plain() for key, child in root.value.items() if key not in mine and (not known or key in known)
        }
        before = len(self.problems)
        model = self._validate(Interface, root, rest, tuple(mine))
        whole = whole and len(self.problems) == before
        words = read_words(root)
        self.problems += words.problems
        if options_model is None or self.type is None:
            return None
        own = {key: child.plain() for key, child in root.value.items() if key in mine}
        options = self._validate(options_model, root, own)
        if model is None:
            return None
        self.problems += sense.check(root, model, words, self.type, whole=whole)
        self.problems += self._sense_here(root, model)
        dumped = options.model_dump(mode="json", by_alias=True) if options is not None else {}
        return Effective(name, root, model, words, {**self.options, **dumped})

    def _sense_here(self, root: Node, model: Interface) -> Iterator[Problem]:
        """Yield what this environment does not allow."""
        yield from sense_limit.check(root, model)
        if self.settings.targets is not None and self.head is not None:
            yield from environments.may_write(root, model, self.head, self.settings.environment, self.settings.targets)


def bad_name(what: str, name: str) -> tuple[str, str]:
    """Return the message and the fix for a name that cannot be part of an id."""
    if name.endswith("__realtime"):
        return f"{what} name {name!r} ends in __realtime, which is ours", "choose another name"
    fix = "use a-z, 0-9 and _, a letter first; put other text into `title:`"
    return f"{what} name {name!r} cannot be part of an id", fix


def _without(problems: Iterable[Problem], told: Iterable[Problem]) -> list[Problem]:
    """Return the problems at places nothing was told about yet."""
    taken = {(p.file, p.line, p.column) for p in told}
    return [p for p in problems if (p.file, p.line, p.column) not in taken]
