"""All levels of one source file laid over each other: what each interface comes to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sync_provider.core.config import templates
from sync_provider.core.config.levels import inherited, merge
from sync_provider.core.config.positions import Node
from sync_provider.core.config.problems import Problem
from sync_provider.core.config.project_file import Settings

_USES = ("use", "with")


class Layers:
    """Merges the interfaces of one file: built-in and defaults, templates, source file, interface, `force`."""

    def __init__(self, root: Node, settings: Settings):
        self.root = root
        self.settings = settings
        self._source = _with_uses(inherited(root), root)
        self._below: tuple[Node, list[Problem]] | None = None

    @property
    def shared(self) -> Node:
        """Return what all interfaces inherit."""
        below, _ = self._inherited(None)
        return merge(merge(below, self._source), self.settings.force)

    def merged(self, node: Node) -> tuple[Node, list[Problem]]:
        """Return an interface with all it inherits, standing where it is written, and its templates' problems."""
        own = node.holding(node.value if isinstance(node.value, dict) else {})
        below, problems = self._inherited(own)
        merged = merge(merge(below, self._source), own)
        force = self.settings.force
        return merge(merged, own.holding(force.value) if force else None), problems

    def _inherited(self, own: Node | None) -> tuple[Node, list[Problem]]:
        """Return what the templates make of the defaults; the same for all interfaces that write neither key."""
        if own is not None and any(own.get(key) for key in _USES):
            return self._with_templates(own)
        if self._below is None:
            self._below = self._with_templates(None)
        return self._below

    def _with_templates(self, own: Node | None) -> tuple[Node, list[Problem]]:
        base = self.settings.base
        if not self.settings.readable:
            return base, []
        used = templates.apply(self._use(own), self._parameters(own), self.settings.templates)
        for layer in used.layers:
            base = merge(base, layer)
        return base, list(used.problems)

    def _use(self, own: Node | None) -> Node | None:
        """Return the nearest `use:`: an interface's replaces the source's, `[]` takes it away."""
        return (own.get("use") if own is not None else None) or self.root.get("use")

    def _parameters(self, own: Node | None) -> Node | None:
        near = own.get("with") if own is not None else None
        far = self.root.get("with")
        return near if far is None else merge(far, near)

    def surplus(self, interfaces: Mapping[str, Node]) -> list[Problem]:
        """Return the parameters no template takes: of an interface none of its own, of the source none at all."""
        known, used = self.settings.templates, list(templates.names(self._use(None)))
        problems: list[Problem] = []
        for node in interfaces.values():
            names = templates.names(self._use(node))
            problems += templates.surplus(node.get("with"), names, known)
            used += names
        return [*problems, *templates.surplus(self.root.get("with"), _once(used), known)]


def _once(nodes: Iterable[Node]) -> list[Node]:
    return list({node.value: node for node in reversed(list(nodes))}.values())[::-1]


def _with_uses(node: Node | None, root: Node) -> Node | None:
    """Return what interfaces inherit, and with it which templates: `explain` shows them, and messages point there."""
    if node is None:
        return None
    found = {key: child for key in _USES if (child := root.get(key)) is not None}
    return node.holding({**found, **node.value}) if found else node
