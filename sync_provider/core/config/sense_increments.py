"""What must fit together under `incremental:`: each strategy has keys of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sync_provider.core.config.loading import Incremental
from sync_provider.core.config.positions import Node
from sync_provider.core.config.problems import Problem

_DAY = re.compile(r"\s*\d{4}-\d\d-\d\d")
FLAG_VALUES = ("pending", "claimed", "done")
_FLAG_EXAMPLE = "write {strategy: flag, cursor: synced, pending: 0, claimed: 2, done: 1}"


def check(root: Node, new: Incremental) -> Iterator[Problem]:
    """Yield what does not fit the strategy of an effective interface.

    Args:
        root: the interface's tree.
    """
    if new.strategy == "flag":
        yield from _flag(root, new)
    else:
        yield from _no_flag(root, new)
        yield from _lag(root, new)
        yield from _start(root, new)


def _lag(root: Node, new: Incremental) -> Iterator[Problem]:
    node = root.find(("incremental", "lag"))
    if new.strategy == "timestamp" and isinstance(new.lag, int) and new.lag:
        yield node.problem(
            f"{new.lag} has no unit, and `strategy: timestamp` reads back by time", f"write {new.lag}s or {new.lag}m"
        )
    if new.strategy == "key" and isinstance(new.lag, float) and new.lag:
        yield node.problem(
            f"{node.plain()!r} is a time, and `strategy: key` reads back by numbers", "write how many keys: lag: 1000"
        )


def _start(root: Node, new: Incremental) -> Iterator[Problem]:
    node, start = root.find(("incremental", "start")), new.start
    if start is None:
        return
    if new.strategy == "timestamp" and not _DAY.match(start):
        yield node.problem(f"{start!r} is not a time", 'write it as "2026-01-31" or "2026-01-31 08:00:00"')


def _no_flag(root: Node, new: Incremental) -> Iterator[Problem]:
    for name in FLAG_VALUES:
        if getattr(new, name) is not None:
            fix = "remove it, or write `strategy: flag`"
            message = f"only `strategy: flag` has {name!r}, this is {new.strategy!r}"
            yield root.find(("incremental", name)).problem(message, fix, at_key=True)


def _flag(root: Node, new: Incremental) -> Iterator[Problem]:
    yield from _flag_in_what_table(root)
    for name in ("lag", "start"):
        if getattr(new, name) is not None:
            message = f"`strategy: flag` knows no {name!r}: each row says itself whether it was read"
            yield root.find(("incremental", name)).problem(message, "remove it", at_key=True)
    here = root.find(("incremental",))
    # one that is there and was refused is not called missing
    missing = [name for name in FLAG_VALUES if here.get(name) is None]
    if missing:
        yield here.problem(f"`strategy: flag` needs {', '.join(missing)}", _FLAG_EXAMPLE, at_key=True)
    seen: dict[str, str] = {}
    for name in FLAG_VALUES:
        value = getattr(new, name)
        if value is not None and value in seen:
            message = f"{name} and {seen[value]} are both {value!r}, so nobody could tell them apart"
            yield root.find(("incremental", name)).problem(message, "give each a value of its own")
        elif value is not None:
            seen[value] = name


def _flag_in_what_table(root: Node) -> Iterator[Problem]:
    """A crash between COMMIT and the flag has rows read again, and rows are flagged where they are."""
    write, query = root.get("write"), root.get("query")
    if write is not None and write.value not in ("merge", None):
        message = f"`strategy: flag` reads rows again after a crash, and {write.plain()} cannot tell them"
        yield write.problem(message, "remove `write:` and give a `primary_key:`: rows are merged by it")
    if query is not None and query.value is not None:
        message = "`strategy: flag` sets a column, and a query has none that could be set"
        yield query.problem(message, "name the table in `table:`, and write its conditions in `where:`", at_key=True)
