"""Templates as they are written in project.yaml: each checked once, however many interfaces use it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from sync_provider.core import registry
from sync_provider.core.config.messages import known_keys, problems_of, pruned, unknown_key
from sync_provider.core.config.models import Interface
from sync_provider.core.config.positions import Node, Path_
from sync_provider.core.config.problems import Problem
from sync_provider.core.config.templates import NAME, Template, misnamed, wanted
from sync_provider.core.config.words import read_words
from sync_provider.core.contracts import SourceType

_CORE = frozenset(known_keys(Interface, ()))


def read_templates(root: Node | None) -> dict[str, Template]:
    """Return the templates of a project file, each with what is wrong with it; never raises."""
    node = root.get("templates") if root is not None else None
    if node is None or not isinstance(node.value, dict):
        return {}
    return {name: _template(name, child) for name, child in node.value.items()}


def _template(name: str, node: Node) -> Template:
    problems = list(_check(name, node))
    parameters: dict[str, Node] = {}
    for parameter, where in wanted(node):
        parameters.setdefault(parameter, where)
    return Template(name, node, parameters, tuple(problems))


def _check(name: str, node: Node) -> Iterator[Problem]:
    if not NAME.fullmatch(name):
        fix = "use a-z, 0-9 and _, a letter first"
        yield node.problem(f"template name {name!r} cannot be written under `use:`", fix, at_key=True)
    if not isinstance(node.value, dict) or not node.value:
        fix = "write the keys that interfaces share: primary_key, incremental, checks …"
        yield node.problem("must be a map (key: value)", fix)
        return
    yield from misnamed(node)
    for key in ("use", "with"):
        if (child := node.get(key)) is not None:
            fix = "write `use: [first, second]` where they are used"
            yield child.problem("a template cannot use another one", fix, at_key=True)
    yield from _unknown_keys(node)
    yield from _values(node)
    yield from _words(node)


def _unknown_keys(node: Node) -> Iterator[Problem]:
    """Tell keys that are near a known one; others may be options of a plugin's, and are told where that is known."""
    strange = [key for key in node.value if key not in _CORE]
    if not strange:
        return
    known = _CORE | _options()
    for key in strange:
        if key not in known:
            problem = unknown_key(node.value[key], key, tuple(sorted(known)))
            if problem.fix or "did you mean" in problem.message:
                yield problem


def _options() -> set[str]:
    """Return the interface options of all installed source types."""
    found: set[str] = set()
    for name in registry.names("sources"):
        kind = registry.load("sources", name)
        if isinstance(kind, SourceType):
            found |= set(known_keys(kind.interface_options, ()))
    return found


def _values(node: Node) -> Iterator[Problem]:
    """Check values by the interface's own model, but for parameters and for what the user of a template adds."""
    plain = {key: child.plain() for key, child in node.value.items() if key in _CORE and key not in ("use", "with")}
    open_ = [where.path[len(node.path) :] for _, where in wanted(node)]
    try:
        Interface.model_validate(pruned(plain, open_))
    except ValidationError as error:

        def unsure(item: Any) -> bool:
            loc: Path_ = tuple(item["loc"])
            added = item["type"] == "missing" and not any(isinstance(step, int) for step in loc)
            return added or any(path[: len(loc)] == loc for path in open_)

        yield from problems_of(error, node, Interface, skip=unsure)


def _words(node: Node) -> Iterator[Problem]:
    """Check rules, cleaners, masks and the filter that take no parameter."""
    kept: dict[str, Node] = {}
    for key in ("checks", "clean", "mask"):
        child = node.get(key)
        if child is not None and isinstance(child.value, list):
            items = [item for item in child.value if not any(wanted(item))]
            kept[key] = child.holding(items)
        elif child is not None and isinstance(child.value, dict):
            masks = {name: item for name, item in child.value.items() if not any(wanted(item))}
            kept[key] = child.holding(masks)
    yield from read_words(node.holding(kept)).problems
