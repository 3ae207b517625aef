"""What pyproject.toml promises is there, what the code imports is promised, and the papers are in order."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import sys
from importlib.metadata import EntryPoint, packages_distributions

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from sync_provider import __version__
from tests.house.sources import ROOT, python, texts

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
POINTS = [
    EntryPoint(name, value, group)
    for group, points in PROJECT["entry-points"].items()
    for name, value in points.items()
] + [EntryPoint(name, value, "scripts") for name, value in PROJECT["scripts"].items()]

#: import name → the distribution that brings it under another name
PART_OF = {"airflow": {"apache-airflow"}, "pydantic_core": {"pydantic"}}

#: the shipped contracts are run by the test tools of whoever subclasses them
TEST_TOOLS = {"pytest", "hypothesis"}


@pytest.mark.parametrize("point", POINTS, ids=lambda point: f"{point.group}:{point.name}")
def test_entry_point_resolves_and_is_named_after_its_file(point: EntryPoint) -> None:
    loaded = point.load()
    if point.group.startswith("sync_provider."):
        word = getattr(loaded, "type", None) or loaded.word
        assert word == point.name == point.module.rsplit(".", 1)[1].rstrip("_")


def test_every_word_in_the_tree_has_its_entry_point() -> None:
    rooms = {"sources": "SOURCE", "targets": "TARGET", "rules": "RULE", "cleaners": "CLEANER", "masks": "MASK"}
    for room, constant in rooms.items():
        modules = [name.name for name in pkgutil.iter_modules([str(ROOT / "sync_provider/core" / room)])]
        loaded = {name: importlib.import_module(f"sync_provider.core.{room}.{name}") for name in modules}
        words = {name.rstrip("_") for name, module in loaded.items() if hasattr(module, constant)}
        assert words == set(PROJECT["entry-points"][f"sync_provider.{room}"])


def test_what_is_imported_is_declared() -> None:
    lists = [PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()]
    declared = {Requirement(line).name.lower().replace("_", "-") for lines in lists for line in lines}
    distributions = packages_distributions()
    missing = set()
    for path, tree in python("sync_provider"):
        here = TEST_TOOLS if path.startswith("sync_provider/testing/") else set()
        for name in _imported(tree) - set(sys.stdlib_module_names) - {"sync_provider"} - here:
            owners = {owner.lower().replace("_", "-") for owner in distributions.get(name, [name])}
            if not (owners | PART_OF.get(name, set())) & declared:
                missing.add(f"{path}: {name}")
    assert missing == set()


def test_constraints_pin_every_requirement() -> None:
    pinned = {line.split("==")[0] for line in (ROOT / "constraints.txt").read_text().splitlines()}
    for lines in [PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()]:
        for line in lines:
            name = Requirement(line).name
            assert name == PROJECT["name"] or name in pinned


def test_airflow_accepts_our_provider_info() -> None:
    import json
    from importlib.resources import files

    from jsonschema import validate

    from sync_provider.provider_info import get_provider_info

    schema = json.loads(files("airflow").joinpath("provider_info.schema.json").read_text())
    info = get_provider_info()
    validate(info, schema)
    for entry in info.get("connection-types", []):
        module, _, name = entry["hook-class-name"].rpartition(".")
        assert hasattr(importlib.import_module(module), name)


def test_the_papers_are_there_and_agree() -> None:
    assert "Apache License" in (ROOT / "LICENSE").read_text()
    changelog = (ROOT / "CHANGELOG.md").read_text()
    assert re.search(r"^## (Unreleased|\[?\d)", changelog, re.MULTILINE)
    assert Version(__version__) >= Version("0.1.0.dev0")


def test_links_in_the_docs_lead_to_files() -> None:
    dead = []
    for path, text in texts():
        if not path.endswith(".md"):
            continue
        prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
        for target in re.findall(r"\]\(([^)\s]+)\)", prose):
            place = (ROOT / path).parent / target.split("#")[0]
            if not re.match(r"[a-z]+:|#", target) and not place.exists():
                dead.append(f"{path}: {target}")
    assert dead == []


def _imported(tree: ast.Module) -> set[str]:
    names = {
        alias.name.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
    }
    froms = (node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module)
    return names | {name.split(".")[0] for name in froms}
