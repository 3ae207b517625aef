"""What must fit together in how rows are written: replace, guard, deletes, and SQL around the rows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from sync_provider.core.config.models import Interface
from sync_provider.core.config.positions import Node
from sync_provider.core.config.problems import Problem

#: text in which words mean nothing: strings, names, dollar-quoted bodies, comments
_QUOTED = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|(\$\w*\$).*?\1|--[^\n]*|/\*.*?\*/""", re.DOTALL)
_CONTROL = re.compile(
    r"\s*(begin|commit|end|rollback|abort|savepoint|release|(?:start|prepare)\s+transaction|set\s+autocommit)\b",
    re.IGNORECASE,
)


def check(root: Node, interface: Interface, targets: Mapping[str, str]) -> Iterator[Problem]:
    """Yield what does not fit in one effective interface.

    Args:
        targets: target columns that `columns:` makes.
    """
    write = interface.write or ("merge" if interface.primary_key else None)
    yield from _replace(root, interface, write)
    yield from _deletes(root, interface, write, targets)
    for key in ("pre_sql", "post_sql"):
        for index, sql in enumerate(getattr(interface, key)):
            yield from _statement(root.find((key, index)), sql)


def _replace(root: Node, interface: Interface, write: str | None) -> Iterator[Problem]:
    if write == "replace" and interface.incremental is not None:
        message = "write: replace leaves only what was read, and `incremental:` reads only what is new"
        fix = "remove `incremental:`, or write `write: merge` with a primary_key"
        yield root.find(("write",)).problem(message, fix)
    how = root.get("replace")
    if how is not None and write not in ("replace", None):
        message = f"says how rows are replaced, and `write: {write}` replaces none"
        yield how.problem(message, "write `write: replace`, or remove it", at_key=True)
    missing = interface.deletes is not None and interface.deletes.when is None
    if interface.guard is not None and write not in ("replace", None) and not missing:
        message = f"guards rows against being replaced, and `write: {write}` replaces none"
        yield root.find(("guard",)).problem(message, "write `write: replace`, or remove it", at_key=True)


def _deletes(root: Node, interface: Interface, write: str | None, targets: Mapping[str, str]) -> Iterator[Problem]:
    deletes, node = interface.deletes, root.find(("deletes",))
    if deletes is None:
        return
    if write == "append":
        message = "needs a primary key to find the deleted row, and `write: append` has none"
        yield node.problem(message, "add `primary_key: [<columns>]` and remove `write: append`", at_key=True)
    elif write == "replace":
        message = "has nothing to do: `write: replace` leaves only what the source has"
        yield node.problem(message, "remove it", at_key=True)
    elif deletes.when is None and interface.incremental is not None:
        message = "an incremental read does not tell which rows are missing"
        fix = (
            f'write `deletes: {{mode: {deletes.mode}, when: "<condition of a deleted row>"}}`, or remove `incremental:`'
        )
        yield node.problem(message, fix, at_key=True)
    if deletes.mode == "soft" and "_deleted_at" in targets:
        message = "column '_deleted_at' is ours where `deletes:` is soft"
        fix = "give the source's column another name with `to:`"
        yield root.find(("columns", targets["_deleted_at"])).problem(message, fix, at_key=True)


def _statement(node: Node, sql: str) -> Iterator[Problem]:
    bare = _QUOTED.sub(" ", sql)
    if not bare.replace(";", "").strip():
        yield node.problem("is an empty statement", "write SQL for the target, or remove it")
        return
    # a body of its own, as a trigger has one, may say BEGIN and END
    parts = [bare] if bare.lstrip()[:6].lower() == "create" else bare.split(";")
    found = next(filter(None, map(_CONTROL.match, parts)), None)
    if found is not None:
        message = f"{found[1].upper()} would end or split the transaction that the rows are written in"
        yield node.problem(message, "remove it: the statements before and after the rows commit with them")
