"""config/project.yaml → what holds for every source: defaults, environment, store, staging."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from sync_provider.core.config.levels import PROJECT_FILE, builtin, inherited, merge
from sync_provider.core.config.messages import problems_of
from sync_provider.core.config.positions import Document, Node
from sync_provider.core.config.problems import Problem, not_one_of
from sync_provider.core.config.project_models import ProjectFile
from sync_provider.core.config.reading import read_file
from sync_provider.core.config.secrets import find_secrets


@dataclass(frozen=True)
class Settings:
    """What every source file builds on.

    Args:
        top: the project root, parent of the config folder.
        base: built-in, project defaults and environment defaults, merged.
        force: what beats everything, or None.
        shared_files: whether all workers see staging, and SQLite files, at the same path.
        places: `file:line` of `store`, `staging` and `staging.shared`, where they are written.
        problems: everything wrong with project.yaml.
        blocking: those that leave no source sure of what it inherits; no plan is made while there is one.
    """

    top: Path
    environment: str
    base: Node
    force: Node | None
    store: str
    staging: str
    shared_files: bool = False
    places: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    blocking: tuple[Problem, ...] = ()


def load_settings(config_dir: Path, env: str | None) -> Settings:
    """Read project.yaml of a config folder, if there is one; never raises."""
    path = config_dir / PROJECT_FILE
    shown = f"{config_dir.name}/{PROJECT_FILE}"
    document = read_file(path, shown) if path.exists() else Document(shown)
    root = document.root
    problems = list(document.problems)
    if root is not None and root.value is not None:
        problems += _check(root)
    problems += _unknown_environment(document, env)
    base, force = _levels(root, env)
    written = _places(root)
    shared = written.get("staging.shared")
    top = config_dir.resolve().parent
    return Settings(
        top=top,
        environment=env or "",
        base=base,
        force=force,
        store=_store(_text(written.get("store")), top.as_posix()),
        staging=_staging(_text(written.get("staging")), top.as_posix()),
        shared_files=shared is not None and shared.value is True,
        places={name: node.place() for name, node in written.items()},
        problems=tuple(problems),
        blocking=tuple(p for p in problems if _concerns(p, env)),
    )


def _levels(root: Node | None, env: str | None) -> tuple[Node, Node | None]:
    """Return what sources build on, and what beats everything: built-in, `defaults`, the environment's."""
    if root is None or not isinstance(root.value, dict):
        return builtin(), None
    own = root.find(("environments", env))
    chosen = own if env is not None and own.path == ("environments", env) else None
    defaults = chosen.get("defaults") if chosen else None
    base = merge(merge(builtin(), inherited(root.get("defaults"))), inherited(defaults))
    return base, inherited(chosen.get("force") if chosen else None)


def _places(root: Node | None) -> dict[str, Node]:
    """Return where `store`, the staging URL (in the short form or in the long one) and its `shared` are written."""
    if root is None:
        return {}
    staging = root.get("staging")
    if staging is None or not isinstance(staging.value, dict):
        found = {"store": root.get("store"), "staging": staging}
    else:
        found = {"store": root.get("store"), "staging": staging.get("url"), "staging.shared": staging.get("shared")}
    return {name: node for name, node in found.items() if node is not None}


def _check(root: Node) -> list[Problem]:
    secrets = find_secrets(root)
    try:
        ProjectFile.model_validate(root.plain())
    except ValidationError as error:
        taken = {(p.line, p.column) for p in secrets}
        secrets += [p for p in problems_of(error, root, ProjectFile) if (p.line, p.column) not in taken]
    return secrets


def _unknown_environment(document: Document, env: str | None) -> list[Problem]:
    if env is None:
        return []
    node = document.root.get("environments") if document.root is not None else None
    known = list(node.value) if node is not None and isinstance(node.value, dict) else []
    if env in known or document.problems:
        return []
    if node is None or not known:
        message = f"environment {env!r} is asked for, and `environments:` defines none"
        return [document.problem(1, 1, (), message, f"add `environments: {{{env}: {{…}}}}`, or leave out --env")]
    return [node.problem(f"environment {not_one_of(env, known)}", "add it here, or pass another --env", at_key=True)]


def _concerns(problem: Problem, env: str | None) -> bool:
    """Whether a problem may change what sources inherit here; a mistake in another environment does not."""
    if problem.severity != "error":
        return False
    steps = problem.path.split(".")
    return not (steps[0] == "environments" and len(steps) > 1 and steps[1] != env)


def _text(node: Node | None) -> str | None:
    return node.value if node is not None and isinstance(node.value, str) else None


def _store(written: str | None, top: str) -> str:
    """Return the store's URL; a relative SQLite path starts at the project root."""
    written = written or "sqlite:///.sync/store.db"
    path = written.removeprefix("sqlite:///")
    return f"sqlite:///{top}/{path}" if path != written and path and path[0] not in "/:" else written


def _staging(written: str | None, top: str) -> str:
    """Return the staging URL; a plain relative path starts at the project root."""
    written = written or ".sync/staging"
    if "://" in written:
        return written
    return f"file://{written}" if written.startswith("/") else f"file://{top}/{written}"
