"""Who wins: the levels a value may be written at, merged with the place of each value kept."""

from __future__ import annotations

from typing import Any

from sync_provider.core.config.models import ATOMIC, BUILTIN, Shared
from sync_provider.core.config.positions import Document, Node, tree

BUILTIN_NAME = "built-in"
PROJECT_FILE = "project.yaml"
#: keys that interfaces inherit
INHERITED = frozenset(Shared.model_fields)


def builtin() -> Node:
    """Return what holds where nothing is written."""
    return tree(Document(BUILTIN_NAME), BUILTIN)


def merge(low: Node, high: Node | None) -> Node:
    """Return `low` overlaid by `high`: maps merge, everything else is replaced. Neither is changed."""
    if high is None or (high.value is None and isinstance(low.value, dict)):
        return low
    if not (isinstance(low.value, dict) and isinstance(high.value, dict)):
        return high
    merged: dict[str, Any] = dict(low.value)
    for name, node in high.value.items():
        below = merged.get(name)
        merged[name] = node if below is None or name in ATOMIC else merge(below, node)
    return high.holding(merged)


def inherited(node: Node | None) -> Node | None:
    """Return the part of a map that interfaces inherit; unknown keys are told where they stand, once."""
    if node is None or not isinstance(node.value, dict):
        return None
    value = {name: child for name, child in node.value.items() if name in INHERITED}
    return node.holding(value)


def level(node: Node) -> str:
    """Return the level a value was written at: interface | source | template | environment | project | builtin."""
    file = node.document.file
    if file == BUILTIN_NAME:
        return "builtin"
    outermost = node.path[0] if node.path else ""
    if file.endswith(f"/{PROJECT_FILE}") and "/sources/" not in file:
        return {"environments": "environment", "templates": "template"}.get(outermost, "project")
    return "interface" if outermost == "interfaces" else "source"
