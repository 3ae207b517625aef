"""docs/yaml.md is the models in words: the same keys, the same defaults, examples that load."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import pytest
import yaml
from pydantic import BaseModel

from sync_provider.core import registry
from sync_provider.core.config.models import BUILTIN, Interface, Shared, SourceFile, SourceHead
from sync_provider.core.config.project_models import Environment, ProjectFile
from sync_provider.core.plan import load_project
from tests.house.markdown import DOCS, rows

PAGE = DOCS / "yaml.md"
#: the examples are of no one type: a source that can do every strategy
ANY_SOURCE = replace(registry.load("sources", "postgres"), incremental=("timestamp", "key", "flag"))
INHERITED, SOURCE, INTERFACE, PROJECT = (
    "Inherited keys",
    "Keys of a source file",
    "Keys of an interface",
    "project.yaml",
)
BESIDE = {"checks.name": None, "checks.on_fail": "quarantine"}
SHARED = set(Shared.model_fields) - {"target"}


def keys(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (dotted key, default) of a model and of the models within it, `name` standing for a name of one's own."""
    for field, info in model.model_fields.items():
        path = f"{prefix}{info.alias or field}"
        yield path, None if info.is_required() else info.default
        for inner, named in _inner(info.annotation):
            yield from keys(inner, f"{path}.{'<name>.' if named else ''}")


def _inner(annotation: Any, named: bool = False) -> Iterator[tuple[type[BaseModel], bool]]:
    """Yield the models within an annotation, and whether they are values of a map."""
    origin = get_origin(annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation, named
    elif origin is Annotated:
        yield from _inner(get_args(annotation)[0], named)
    elif origin in (Union, UnionType, tuple, dict):
        for part in get_args(annotation):
            yield from _inner(part, named or origin is dict)


def of_level(title: str) -> dict[str, Any]:
    """Return what must be in the table of one section."""
    if title == INHERITED:
        return dict(keys(Shared))
    if title == INTERFACE:
        own = {key: value for key, value in keys(Interface) if key.partition(".")[0] not in SHARED}
        return {key: value for key, value in own.items() if key not in dict(keys(Shared))} | BESIDE
    if title == SOURCE:
        found = {f"source.{key}": value for key, value in keys(SourceHead)}
        found |= {
            key: value for key, value in keys(SourceFile) if key in ("source", "title", "environment", "interfaces")
        }
        return found
    inner = ("defaults.", "environments.<name>.defaults.", "environments.<name>.force.")
    wanted = {key: value for key, value in keys(ProjectFile) if not key.startswith(inner)}
    assert {f"environments.<name>.{name}" for name in Environment.model_fields} <= set(wanted)
    return wanted


@pytest.mark.parametrize("title", [INHERITED, SOURCE, INTERFACE, PROJECT])
def test_keys_and_defaults_are_those_of_the_models(title: str) -> None:
    told = {row[0].strip("`"): row[1] for row in rows(PAGE, title)}
    wanted = of_level(title)
    assert set(told) == set(wanted)
    wrong = {key: text for key, text in told.items() if not _is_default(key, wanted[key], text)}
    assert wrong == {}


def _is_default(key: str, default: Any, told: str) -> bool:
    """Whether a cell says a key's default; `–` says that there is none, plain words say what is inferred."""
    if not told.startswith("`"):
        return default in (None, "", (), {}) or isinstance(default, BaseModel | dict)
    known = _builtin(key)
    value = yaml.safe_load(told.strip("`"))
    if isinstance(default, tuple):
        return list(default) == value
    if isinstance(default, float):
        from sync_provider.core.config.values import parse_duration

        return bool(parse_duration(value) == default)
    return value in (default, known) or f"{default}" == told.strip("`")


def _builtin(key: str) -> Any:
    value: Any = BUILTIN
    for part in key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


@pytest.mark.parametrize("type_", registry.names("sources"))
def test_the_page_of_a_source_lists_its_options(type_: str) -> None:
    kind = registry.load("sources", type_)
    wanted = {f"source.{key}": value for key, value in keys(kind.source_options)} | dict(keys(kind.interface_options))
    told = {row[0].strip("`"): row[1] for row in rows(DOCS / f"sources/{type_}.md", "Keys")}
    assert set(told) - {"source.type", "source.connection", "where"} == set(wanted)
    assert {key: told[key] for key in wanted if not _is_default(key, wanted[key], told[key])} == {}


PROJECT_YAML = {
    "templates": {"audited": {"tags": ["audited"]}, "tracked": {"where": "tenant = ${tenant}"}},
    "environments": {"prod": {}},
    "environment": "prod",
}


def examples() -> list[tuple[str, str]]:
    """Return (section, example) of every row of yaml.md."""
    found = [(title, row[3]) for title in (INHERITED, SOURCE, INTERFACE, PROJECT) for row in rows(PAGE, title)]
    return [(title, example.strip("`")) for title, example in found if example.startswith("`")]


@pytest.mark.parametrize(("title", "example"), examples())
def test_the_example_of_a_key_loads(title: str, example: str, tmp_path: Path) -> None:
    source: dict[str, Any] = {
        "source": {"type": f"{__name__}:ANY_SOURCE", "connection": "crm_db"},
        "target": {"connection": "dwh", "schema": "ods"},
        "interfaces": {"orders": {}},
    }
    interface: dict[str, Any] = {"primary_key": "id"}
    project: dict[str, Any] = {}
    written = yaml.safe_load(example)
    if title == INTERFACE:
        interface |= written
        if {"replace", "guard"} & written.keys():
            interface["write"] = "replace"
        if written.get("write") == "append":
            del interface["primary_key"]
        if written.get("mode") == "incremental":
            interface["incremental"] = {"cursor": "updated_at"}
    elif title == PROJECT:
        project = written
    else:
        target = {**source["target"], **written.get("target", {})}
        source |= {**written, "target": target}
    source["interfaces"] = {name: {**interface, **(own or {})} for name, own in source["interfaces"].items()}
    folder = tmp_path / "config/sources/erp"
    folder.mkdir(parents=True)
    (folder / "crm.yaml").write_text(yaml.safe_dump(source, allow_unicode=True), encoding="utf-8")
    (tmp_path / "config/project.yaml").write_text(yaml.safe_dump(project or PROJECT_YAML), encoding="utf-8")
    loaded = load_project(tmp_path / "config")
    assert [problem.text() for problem in (*loaded.problems, *loaded.warnings)] == []
    assert loaded.plans


def test_the_chinese_page_names_every_key_of_the_first_level() -> None:
    text = (DOCS / "zh/index.md").read_text(encoding="utf-8")
    wanted = {
        field.alias or name
        for model in (Interface, SourceFile, ProjectFile)
        for name, field in model.model_fields.items()
    }
    assert {key for key in wanted if not re.search(rf"`{key}\b", text)} == set()
