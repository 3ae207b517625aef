"""Templates of project.yaml: checked once where they are written, filled with parameters where they are used."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice

from sync_provider.core.config.positions import Node, Path_
from sync_provider.core.config.problems import Problem, shown, unknown

_PARAMETER = re.compile(r"\$?\$\{([^}\n]{0,200})\}")
#: nobody writes more parameters, or names of templates, by hand
_MOST = 200
NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class Template:
    """One entry of `templates:`.

    Args:
        parameters: name → the first value that wants it.
        problems: what is wrong with it; whoever uses it makes no plan.
    """

    name: str
    node: Node
    parameters: Mapping[str, Node]
    problems: tuple[Problem, ...] = ()


class Filled(Node):
    """A value of a template that a parameter was put into; `given` is the parameter, where the caller wrote it."""

    __slots__ = ("given",)

    def __init__(self, written: Node, value: object, given: Node):
        place, key = (written.line, written.column), (written.key_line, written.key_column)
        super().__init__(written.document, value, written.path, place, key)
        self.given = given

    def problem(self, message: str, fix: str = "", *, at_key: bool = False, below: Path_ = (),
                severity: str = "error") -> Problem:  # fmt: skip
        """Return a problem about what the caller gave, with the template's own line below it."""
        origin = super().problem(_COMES_FROM, at_key=at_key, below=below)
        return replace(self.given.problem(message, fix, severity=severity), template=origin)

    def place(self) -> str:
        """Return the template's `file:line` and the parameter's."""
        return f"{super().place()} with {self.given.place()}"


_COMES_FROM = "comes from here"


def wanted(node: Node) -> Iterator[tuple[str, Node]]:
    """Yield each parameter that a tree names, with the value that names it."""
    for child in _below(node):
        if isinstance(child.value, str) and "${" in child.value:
            for match in _PARAMETER.finditer(child.value):
                if not match[0].startswith("$$"):
                    yield match[1], child


def misnamed(node: Node) -> Iterator[Problem]:
    """Yield what looks like a parameter and cannot be one."""
    for name, child in wanted(node):
        if not NAME.fullmatch(name):
            fix = "write ${name} with a-z, 0-9 and _, or $${ where the text itself is meant"
            yield child.problem(f"{shown('${' + name + '}')} names no parameter", fix)
    for child in _below(node):
        if isinstance(child.value, dict):
            for name, inner in child.value.items():
                if "${" in name:
                    yield inner.problem("a parameter cannot stand in a key", "write the key out", at_key=True)


def _below(node: Node) -> Iterator[Node]:
    yield node
    children: Iterable[Node] = ()
    if isinstance(node.value, dict):
        children = node.value.values()
    elif isinstance(node.value, list):
        children = node.value
    for child in children:
        yield from _below(child)


def fill(node: Node, given: Mapping[str, Node], problems: list[Problem]) -> Node:
    """Return a tree with its parameters filled in; one that is not given stays as it is.

    A value that is nothing but a parameter takes over the parameter's type, lists and maps too.

    Args:
        problems: takes those of parameters that fit into no text.
    """
    value = node.value
    if isinstance(value, str):
        return _filled(node, value, given, problems) if "${" in value else node
    if isinstance(value, dict):
        filled: object = {name: fill(child, given, problems) for name, child in value.items()}
    elif isinstance(value, list):
        filled = [fill(child, given, problems) for child in value]
    else:
        return node
    return node.holding(filled)


def _filled(node: Node, text: str, given: Mapping[str, Node], problems: list[Problem]) -> Node:
    found = [match for match in _PARAMETER.finditer(text) if match[1] in given and not match[0].startswith("$$")]
    if not found:
        return node.holding(text.replace("$${", "${"))
    first = given[found[0][1]]
    if found[0][0] == text:
        return Filled(node, first.value, first)

    def put(match: re.Match[str]) -> str:
        if match[0].startswith("$$"):
            return match[0][1:]
        parameter = given.get(match[1])
        if parameter is None:
            return match[0]
        if parameter.value is None or isinstance(parameter.value, (dict, list)):
            message = f"parameter {match[1]!r} stands within a text, got {shown(parameter.value)}"
            problems.append(Filled(node, text, parameter).problem(message, "give text or a number"))
            return ""
        return shown(parameter.value) if isinstance(parameter.value, bool) else str(parameter.value)

    return Filled(node, _PARAMETER.sub(put, text), first)


def placed(problem: Problem, root: Node) -> Problem:
    """Return a problem that a template brings into an interface at the line that uses it, the template's below.

    Args:
        root: the interface's effective tree.
    """
    use = root.get("use")
    if use is None or problem.template is not None or not problem.path.startswith("templates."):
        return problem
    origin = replace(problem, message=_COMES_FROM, fix="", severity="error")
    return replace(use.problem(problem.message, problem.fix, severity=problem.severity), template=origin)


@dataclass(frozen=True)
class Use:
    """What one interface uses.

    Args:
        layers: the templates' values, filled; the later one wins.
        problems: of names, of parameters, and of the templates themselves.
    """

    layers: tuple[Node, ...] = ()
    problems: tuple[Problem, ...] = ()


def names(use: Node | None) -> list[Node]:
    """Return the names under `use:`, each where it stands."""
    items = use.value if use is not None and isinstance(use.value, list) else [use] if use is not None else []
    return [item for item in items[:_MOST] if isinstance(item.value, str)]


def apply(use: Node | None, with_: Node | None, known: Mapping[str, Template]) -> Use:
    """Return what `use:` and `with:` of one interface come to.

    Args:
        with_: the parameters of the source and of the interface, merged.
    """
    given: Mapping[str, Node] = with_.value if with_ is not None and isinstance(with_.value, dict) else {}
    layer: list[Node] = []
    problems: list[Problem] = []
    for item in names(use):
        template = known.get(item.value)
        if template is None:
            problems.append(_unknown(item, known))
            continue
        problems += template.problems
        for name, where in template.parameters.items():
            if name not in given and not template.problems:
                message = f"template {template.name!r} needs parameter {name!r}, and `with:` does not give it"
                origin = where.problem(f"${{{name}}} stands here")
                problems.append(replace(item.problem(message, f"add `with: {{{name}: …}}`"), template=origin))
        layer.append(fill(template.node, given, problems) if template.parameters else template.node)
    return Use(tuple(layer), tuple(problems))


def _unknown(item: Node, known: Mapping[str, Template]) -> Problem:
    if not known:
        message = f"unknown template {item.value!r}: project.yaml defines none"
        return item.problem(message, f"add `templates: {{{item.value}: {{…}}}}` to project.yaml")
    return item.problem(unknown("template", item.value, known))


def surplus(with_: Node | None, uses: Iterable[Node], known: Mapping[str, Template]) -> list[Problem]:
    """Return one problem for each parameter that no template of `uses` wants.

    Args:
        uses: names of templates, each where it stands.
    """
    if with_ is None or not isinstance(with_.value, dict) or not with_.value:
        return []
    named = list(uses)
    if not named:
        return [with_.problem("gives parameters, and no template is used", "add `use: <template>`", at_key=True)]
    templates = [known[item.value] for item in named if item.value in known]
    if len(templates) < len(named) or any(template.problems for template in templates):
        return []  # a template nobody knows, or that is broken, may have wanted them
    takes = sorted({name for template in templates for name in template.parameters})
    problems = []
    for name, node in islice(with_.value.items(), _MOST):
        if name not in takes:
            none = f"unknown parameter {name!r}: the template has none"
            message = unknown("parameter", name, takes) if takes else none
            origin = templates[0].node.problem(f"template {templates[0].name!r} is written here", at_key=True)
            problems.append(replace(node.problem(message, at_key=True), template=origin))
    return problems
