"""`load: direct` writes straight into the target: nothing that is decided over all rows goes with it."""

from __future__ import annotations

from collections.abc import Iterator

from sync_provider.core.config.models import Interface
from sync_provider.core.config.positions import Node
from sync_provider.core.config.problems import Problem
from sync_provider.core.config.words import PLUGIN_FAULTS, Word, Words, load_plugin

_FIX = "write `load: staged`, or remove `load:` and let the run choose"


def check(root: Node, interface: Interface, words: Words) -> Iterator[Problem]:
    """Yield what contradicts `load: direct` in one effective interface."""
    if interface.load != "direct":
        return
    node = root.find(("load",))
    write = interface.write or ("merge" if interface.primary_key else None)
    if write in ("merge", "replace"):
        message = (
            f"load: direct contradicts `write: {write}`, which compares all rows of a run with those that are there"
        )
        yield node.problem(message, _FIX)
        return
    for kind, word in (*(("cleaners", word) for word in words.clean), *(("rules", word) for word in words.checks)):
        if _looks_at_all_rows(kind, word):
            name = word.plan.word if kind == "cleaners" else word.plan.rule
            yield node.problem(f"load: direct contradicts `{name}`, which is decided over all rows of a run", _FIX)
            return


def _looks_at_all_rows(kind: str, word: Word) -> bool:
    name = word.plan.word if kind == "cleaners" else word.plan.rule
    plugin, _ = load_plugin(kind, name, word.node, "word")
    if plugin is None:
        return False
    try:
        parsed = plugin.parse(word.plan.params)
    except PLUGIN_FAULTS:
        return False  # said where the word is read
    if kind == "cleaners":
        return getattr(parsed, "deduplicate", None) is not None
    return any(getattr(case, "scope", "row") == "set" for case in parsed)
