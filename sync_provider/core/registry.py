"""Plugins by entry point or dotted name; imports only what is asked for."""

from __future__ import annotations

from difflib import get_close_matches
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from sync_provider.core.errors import ConfigError, ContractError

KINDS = ("sources", "targets", "rules", "cleaners", "masks")


@cache
def _entry_points(kind: str) -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=f"sync_provider.{kind}")}


def names(kind: str) -> list[str]:
    """Return the words installed for one kind of plugin, without importing any."""
    return sorted(_entry_points(kind))


def knows(kind: str, name: str) -> bool:
    """Whether `name` is an installed word, or looks like a dotted name."""
    return name in _entry_points(kind) or "." in name


@cache
def load(kind: str, name: str) -> Any:
    """Import one plugin.

    Args:
        kind: one of `KINDS`.
        name: the YAML word, or the dotted name of a module attribute such as `plugins.phones:RULE`.

    Raises:
        ConfigError: nothing of that name is installed; the nearest name is suggested.
        ContractError: it is there and cannot be imported.
    """
    point = _entry_points(kind).get(name)
    if point is None and "." not in name:
        near = get_close_matches(name, names(kind), n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ConfigError(f"{name!r} is not one of {', '.join(names(kind))}{hint}")
    path = point.value if point else name
    module, _, attribute = path.partition(":") if ":" in path else path.rpartition(".")
    try:
        return getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ContractError(
            f"{kind[:-1]} {name!r} cannot be imported from {path}: {error}",
            fix=f"install what it needs, e.g. `pip install 'airflow-provider-sync[{name}]'`",
        ) from error
