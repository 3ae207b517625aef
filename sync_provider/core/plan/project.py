"""All sources of a config folder: their plans, and everything that is wrong with them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from sync_provider.core.config.positions import Document, Node
from sync_provider.core.config.problems import Problem, did_you_mean, redact, sorted_unique
from sync_provider.core.config.project_file import Settings, load_settings
from sync_provider.core.config.source_file import NAME, SourceConfig, bad_name, read_source
from sync_provider.core.contracts import Plan
from sync_provider.core.errors import ConfigError
from sync_provider.core.plan.compile import compile_plan
from sync_provider.core.plan.crowds import crowded
from sync_provider.core.plan.files import source_files
from sync_provider.core.plan.loaded import LoadedSource
from sync_provider.core.plan.tables import shared_tables


@dataclass(frozen=True)
class Project:
    """What a config folder holds.

    Args:
        root: the project root, parent of the config folder.
        places: `file:line` of `store`, `staging` and `staging.shared`, where project.yaml has them.
        own_problems: those of project.yaml and of files that are no source.
        unread: libraries that could not be looked into, "" for all; what they hold is not known.
        settings: what project.yaml says, as far as it can be read.
        elsewhere: sources left out because they exist in other environments: id → those.
    """

    root: Path
    environment: str
    store: str
    staging: str
    places: Mapping[str, str] = field(default_factory=dict, compare=False)
    sources: tuple[LoadedSource, ...] = ()
    own_problems: tuple[Problem, ...] = ()
    unread: tuple[str, ...] = ()
    settings: Settings | None = field(default=None, repr=False, compare=False)
    elsewhere: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @cached_property
    def problems(self) -> tuple[Problem, ...]:
        """Return all errors by place, each once."""
        return sorted_unique((*self.own_problems, *(p for source in self.sources for p in source.problems)))

    @cached_property
    def warnings(self) -> tuple[Problem, ...]:
        """Return what works and may not be meant."""
        return sorted_unique(p for source in self.sources for p in source.warnings)

    @cached_property
    def plans(self) -> Mapping[str, Plan]:
        """Return all plans by id."""
        return {plan.id: plan for source in self.sources for plan in source.plans}

    def source_of(self, id: str) -> LoadedSource:
        """Return the source an interface id belongs to.

        Raises:
            ConfigError: no file holds an interface of that id; the nearest id is suggested.
        """
        known = {f"{source.id}.{name}": source for source in self.sources for name in source.interfaces}
        if id in known:
            return known[id]
        for source in self.sources:
            if not source.interfaces and source.problems and id.startswith(f"{source.id}."):
                return source
        other = self.elsewhere.get(id.rpartition(".")[0])
        if other is not None:
            here = f"environment {self.environment!r}" if self.environment else "a run without environment"
            raise ConfigError(f"{id} exists in {', '.join(other)}, not in {here}", fix=f"pass --env {other[0]}")
        near = did_you_mean(id, known)
        if self.own_problems and not near:
            first = self.own_problems[0]
            raise ConfigError(f"no interface {id!r}\n{replace(first, fix='').text()}", fix=first.fix)
        raise ConfigError(f"no interface {id!r}{near}", fix="see them all with `sync-provider list`")

    def plan(self, id: str) -> Plan:
        """Return the plan of `library.source.interface`.

        Raises:
            ConfigError: there is none of that id, or its file has problems.
        """
        found = self.plans.get(id)
        if found is not None:
            return found
        source = self.source_of(id)
        errors = source.problems
        more = f"\n  and {len(errors) - 1} more" if len(errors) > 1 else ""
        raise ConfigError(f"{id}: its configuration has problems\n{errors[0].text()}{more}",
                          fix="correct the file; `sync-provider validate` lists every problem")  # fmt: skip


def load_project(config_dir: Path, env: str | None = None, only: tuple[str, str] | None = None) -> Project:
    """Read a config folder. Never raises for what is in it: look at `problems`.

    Args:
        config_dir: the folder that holds `sources/` and, if any, `project.yaml`.
        env: one of `environments:` in project.yaml.
        only: (library, source): read that file and project.yaml, nothing else.
    """
    config_dir = Path(os.path.abspath(config_dir))  # `.` has no name to show
    settings = load_settings(config_dir, env)
    files, strays, unread = source_files(config_dir, only)
    loaded = [_load_guarded(path, shown, library, settings) for path, shown, library in files]
    return Project(
        root=settings.top,
        environment=settings.environment,
        store=settings.store,
        staging=settings.staging,
        places=settings.places,
        sources=shared_tables([source for source in loaded if _is_here(source, settings)]),
        own_problems=sorted_unique((*settings.problems, *strays)),
        unread=tuple(unread),
        settings=settings,
        elsewhere={source.id: source.environments for source in loaded if not _is_here(source, settings)},
    )


def _is_here(source: LoadedSource, settings: Settings) -> bool:
    return not source.environments or settings.environment in source.environments


def _load_guarded(path: Path, shown: str, library: str, settings: Settings) -> LoadedSource:
    """Load a source; whatever a plugin it names does meanwhile is a problem of this source alone."""
    try:
        return _load(path, shown, library, settings)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - one source must not take the others along
        problem = Document(shown).problem(1, 1, (), f"cannot be read: {type(error).__name__}: {redact(str(error))}")
        return LoadedSource(library, path.stem, shown, problems=(problem,))


def _load(path: Path, shown: str, library: str, settings: Settings) -> LoadedSource:
    config = read_source(path, shown, settings)
    named = [Document(shown).problem(1, 1, (), *bad_name(what, name))
             for what, name in (("library", library), ("source", path.stem)) if not NAME.fullmatch(name)]  # fmt: skip
    effective = () if named else config.effective
    plans = tuple(compile_plan(library, path.stem, config, item, settings) for item in effective)
    return LoadedSource(
        library=library,
        name=path.stem,
        file=shown,
        title=config.title,
        owner=_text(config.shared, "owner"),
        tags=_texts(config.shared, "tags"),
        type=config.head.type if config.head else "",
        interfaces=config.names,
        plans=plans,
        warnings=tuple(crowded(config.roots, plans)),
        problems=sorted_unique((*config.problems, *named)),
        guarantees=_guarantees(config),
        environments=config.environments,
        roots=config.roots,
    )


def _guarantees(config: SourceConfig) -> str:
    return config.type.guarantees if config.type is not None else ""


def _text(node: Node | None, key: str) -> str:
    found = node.get(key) if node is not None else None
    return found.value if found is not None and isinstance(found.value, str) else ""


def _texts(node: Node | None, key: str) -> tuple[str, ...]:
    found = node.get(key) if node is not None else None
    value = found.plain() if found is not None else []
    listed = value if isinstance(value, list) else [value]
    return tuple(text for text in listed if isinstance(text, str))
