"""`environments:` of project.yaml: which one applies, what it forces, and what may be written in it."""

from __future__ import annotations

import getpass
import os
import re
from collections.abc import Iterator

from sync_provider.core.config.models import Interface, SourceHead
from sync_provider.core.config.positions import Document, Node
from sync_provider.core.config.problems import Problem, not_one_of, unknown

#: who works here, where the operating system's word is not the right one
USER = "AIRFLOW__SYNC__USER"
_USER = "${user}"
_PARAMETER = re.compile(r"\$\{[^}\n]*\}?|\{user\}")


def chosen(root: Node | None, asked: str | None) -> str | None:
    """Return the environment that applies: the one asked for, else `environment:` of project.yaml, else none."""
    if asked:
        return asked
    own = root.get("environment") if root is not None else None
    return own.value if own is not None and isinstance(own.value, str) else None


def known(root: Node | None) -> tuple[str, ...]:
    """Return the names under `environments:`."""
    node = root.get("environments") if root is not None else None
    return tuple(node.value) if node is not None and isinstance(node.value, dict) else ()


def not_there(document: Document, name: str | None, asked: str | None) -> list[Problem]:
    """Return the problem of an environment that is not defined."""
    names = known(document.root)
    if name is None or name in names or document.problems:
        return []
    if asked is None and document.root is not None:
        return [document.root.find(("environment",)).problem(f"environment {not_one_of(name, names)}")]
    node = document.root.get("environments") if document.root is not None else None
    if node is None or not names:
        message = f"environment {name!r} is asked for, and `environments:` defines none"
        return [document.problem(1, 1, (), message, f"add `environments: {{{name}: {{…}}}}`, or leave out --env")]
    return [node.problem(f"environment {not_one_of(name, names)}", "add it here, or pass another --env", at_key=True)]


def of(root: Node | None, name: str | None, problems: list[Problem]) -> Node | None:
    """Return the entry of one environment, `${user}` filled in; None where there is none.

    Args:
        problems: takes the one of a user whose name is unknown.
    """
    found = root.find(("environments", name)) if root is not None and name is not None else None
    if found is None or found.path != ("environments", name):
        return None
    named = next((node for node in _texts(found) if _USER in node.value), None)
    if named is None:
        return found
    user = user_name()
    if not user:
        message = "${user} is nobody: the operating system gives no name with a letter or digit of ASCII"
        problems.append(named.problem(message, f"set {USER} to the name that is meant"))
    return _filled(found, user)


def user_name() -> str:
    """Return who works here as part of an identifier: a-z, 0-9 and _; "" where nobody can tell."""
    try:
        name = os.environ.get(USER) or getpass.getuser()
    except (KeyError, OSError, ImportError):
        return ""
    plain = re.sub(r"[^a-z0-9]+", "_", name.lower())
    return plain if plain.strip("_") else ""


def parameters(root: Node) -> Iterator[Problem]:
    """Yield what looks like a parameter where none is filled in."""
    for key in ("defaults", "environments"):
        node = root.get(key)
        for text in _texts(node) if node is not None else ():
            for match in _PARAMETER.finditer(text.value):
                if match[0] == "{user}":
                    if key == "environments":
                        yield text.problem("{user} is not filled in", "write ${user}")
                elif key == "defaults":
                    fix = "write it under `environments:`, or in a template"
                    yield text.problem(f"{match[0]} is not filled in under `defaults:`", fix)
                elif match[0] != _USER:
                    yield text.problem(f"{match[0]} is not filled in here", "only ${user} is known here")


def forced(environment: Node | None) -> Node | None:
    """Return `force` of an environment. Whoever forces the schema forces the state tables along with it:
    else a run here could move the checkpoint of a run elsewhere."""
    force = environment.get("force") if environment is not None else None
    target = force.get("target") if force is not None else None
    schema = target.get("schema") if target is not None else None
    if force is None or target is None or schema is None or schema.value is None or target.get("state_schema"):
        return force
    return force.holding({**force.value, "target": target.holding({**target.value, "state_schema": schema})})


def writable(environment: Node | None) -> Node | None:
    """Return `targets:` of an environment, or None where anything may be written."""
    node = environment.get("targets") if environment is not None else None
    return node if node is not None and isinstance(node.value, (str, list)) else None


def connections(targets: Node | None) -> tuple[str, ...] | None:
    """Return the connection ids under `targets:`."""
    if targets is None:
        return None
    plain = targets.plain()
    return tuple(str(item) for item in (plain if isinstance(plain, list) else [plain]))


def may_write(root: Node, model: Interface, head: SourceHead, environment: str, targets: Node) -> Iterator[Problem]:
    """Yield each connection that an interface writes and that its environment does not list.

    Args:
        root: the interface's effective tree.
    """
    allowed = connections(targets) or ()
    target = model.target.connection
    more = f"or add it to `targets:` ({targets.place()})"
    if target and target not in allowed:
        node = root.find(("target", "connection"))
        other = allowed[0] if allowed else "…"
        fix = f"write `force: {{target: {{connection: {other}}}}}` for {environment!r}, {more}"
        yield node.problem(f"environment {environment!r} may not write connection {target!r}", fix)
    marks = model.incremental is not None and model.incremental.strategy == "flag"
    if marks and head.connection and head.connection not in allowed:
        node = root.find(("incremental", "strategy"))
        message = f"`strategy: flag` marks rows in {head.connection!r}, which environment {environment!r} may not write"
        yield node.problem(message, f"leave the source out with `environment:`, {more}")


def only_in(root: Node, settled: tuple[str, ...], readable: bool) -> tuple[tuple[str, ...], list[Problem]]:
    """Return the environments a source file exists in (() = all), and the problems of names nobody knows.

    Args:
        settled: the environments of project.yaml.
        readable: False when project.yaml could not be read: then no name is unknown.
    """
    node = root.get("environment")
    items = [] if node is None else node.value if isinstance(node.value, list) else [node]
    names = [item for item in items if isinstance(item.value, str)]
    strange = [item for item in names if item.value not in settled] if readable else []
    message = "project.yaml defines no environments" if not settled else ""
    problems = [item.problem(message or unknown("environment", item.value, settled)) for item in strange]
    return tuple(item.value for item in names), problems


def _texts(node: Node) -> Iterator[Node]:
    if isinstance(node.value, str):
        yield node
    children = node.value.values() if isinstance(node.value, dict) else node.value
    for child in children if isinstance(node.value, (dict, list)) else ():
        yield from _texts(child)


def _filled(node: Node, user: str) -> Node:
    value = node.value
    if isinstance(value, dict):
        return node.holding({name: _filled(child, user) for name, child in value.items()})
    if isinstance(value, list):
        return node.holding([_filled(child, user) for child in value])
    return node.holding(value.replace(_USER, user)) if isinstance(value, str) and _USER in value else node
