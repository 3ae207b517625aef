"""config/project.yaml → what holds for every source: defaults, environment, store, staging."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import ValidationError

from sync_provider.core.config import environments
from sync_provider.core.config.levels import PROJECT_FILE, builtin, inherited, merge
from sync_provider.core.config.messages import problems_of
from sync_provider.core.config.positions import Document, Node
from sync_provider.core.config.problems import Problem, sorted_unique
from sync_provider.core.config.project_models import ProjectFile
from sync_provider.core.config.reading import read_file
from sync_provider.core.config.secrets import find_secrets
from sync_provider.core.config.template_check import read_templates
from sync_provider.core.config.templates import Template


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
        templates: name → template, for `use:`; its problems stop only those who use it.
        environments: all names under `environments:`.
        readable: whether project.yaml could be read at all, or is not there.
        targets: the connections that may be written in this environment, where project.yaml lists them.
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
    templates: Mapping[str, Template] = field(default_factory=dict)
    environments: tuple[str, ...] = ()
    readable: bool = True
    targets: Node | None = None


def load_settings(config_dir: Path, env: str | None) -> Settings:
    """Read project.yaml of a config folder, if there is one; never raises."""
    path = config_dir / PROJECT_FILE
    shown = f"{config_dir.name}/{PROJECT_FILE}"
    document = read_file(path, shown) if path.exists() else Document(shown)
    root = document.root
    problems = list(document.problems)
    if root is not None and root.value is not None:
        problems += _check(root)
    name = environments.chosen(root, env)
    problems += environments.not_there(document, name, env)
    environment = environments.of(root, name, problems)
    templates = read_templates(root)
    problems += [problem for template in templates.values() for problem in template.problems]
    base = _base(root, environment)
    written = _places(root)
    shared = written.get("staging.shared")
    top = config_dir.resolve().parent
    return Settings(
        top=top,
        environment=name or "",
        base=base,
        force=inherited(environments.forced(environment)),
        store=_store(_text(written.get("store")), top.as_posix()),
        staging=_staging(_text(written.get("staging")), top.as_posix()),
        shared_files=shared is not None and shared.value is True,
        places={name: node.place() for name, node in written.items()},
        problems=tuple(problems),
        blocking=tuple(p for p in problems if _concerns(p, name)),
        templates={key: _blamed(template, problems) for key, template in templates.items()},
        environments=environments.known(root),
        readable=root is not None or not document.problems,
        targets=environments.writable(environment),
    )


def _base(root: Node | None, environment: Node | None) -> Node:
    """Return what sources build on: built-in, `defaults`, the environment's `defaults`."""
    if root is None or not isinstance(root.value, dict):
        return builtin()
    own = environment.get("defaults") if environment is not None else None
    return merge(merge(builtin(), inherited(root.get("defaults"))), inherited(own))


def _blamed(template: Template, problems: list[Problem]) -> Template:
    """Return a template with all problems that stand in it, secrets and keys written twice among them."""
    within = f"templates.{template.name}"
    found = tuple(p for p in problems if p.path == within or p.path.startswith((f"{within}.", f"{within}[")))
    return replace(template, problems=sorted_unique(found))


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
    return [*secrets, *environments.parameters(root)]


def _concerns(problem: Problem, env: str | None) -> bool:
    """Whether a problem may change what sources inherit here; one in another environment or a template does not."""
    if problem.severity != "error":
        return False
    steps = problem.path.split(".")
    if steps[0] == "templates" and len(steps) > 1:
        return False
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
