"""The documentation says what the code does: every example loads, every word and every command is there."""

from __future__ import annotations

import argparse
import builtins
import re
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path

import pytest
import yaml

from sync_provider.cli.main import COMMANDS
from sync_provider.core import errors
from sync_provider.core.contracts import known_types
from sync_provider.core.expressions.functions import FUNCTIONS
from sync_provider.core.plan import load_project
from tests.house.markdown import DOCS, anchors, blocks, links, name_of, pages, prose
from tests.house.sources import ROOT

CONFIG_PAGES = [page for page in pages() if any(block.path.startswith("config/") for block in blocks(page))]
LONGEST = 180


@pytest.mark.parametrize("page", CONFIG_PAGES, ids=name_of)
def test_every_example_of_a_configuration_loads(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each source file is a project of its own, with the plugins of its page and the project.yaml above it."""
    monkeypatch.syspath_prepend(str(ROOT / "plugins"))
    monkeypatch.syspath_prepend(str(tmp_path / "plugins"))
    project = ""
    for block in sorted(blocks(page), key=lambda block: not block.path.startswith("plugins/")):
        where = tmp_path / ("" if block.path.startswith("plugins/") else f"{block.line}") / block.path
        if block.path:
            where.parent.mkdir(parents=True, exist_ok=True)
            where.write_text(block.text, encoding="utf-8")
        if block.path == "config/project.yaml":
            project = block.text
            (where.parent / "sources").mkdir()
        elif block.path.startswith("config/") and project:
            (tmp_path / f"{block.line}" / "config/project.yaml").write_text(project, encoding="utf-8")
        if block.path.startswith("config/"):
            _load(tmp_path / f"{block.line}" / "config", f"{name_of(page)}:{block.line}", project)


def _load(config: Path, where: str, project: str) -> None:
    environments = (yaml.safe_load(project) or {}).get("environments") if project else None
    for environment in [None, *(environments or {})]:
        loaded = load_project(config, environment)
        found = [problem.text() for problem in (*loaded.problems, *loaded.warnings)]
        assert found == [], f"{where}, environment {environment}"


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_no_yaml_escapes_the_test_above(page: Path) -> None:
    """A YAML block without a path in its first line would never be loaded."""
    unnamed = [block.line for block in blocks(page) if block.language == "yaml" and not block.path]
    assert unnamed == []


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_every_link_leads_somewhere(page: Path) -> None:
    broken = []
    for link in links(page):
        place, _, anchor = link.partition("#")
        target = (page.parent / place).resolve() if place else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("page", [page for page in pages() if page.parent != DOCS / "adr"], ids=name_of)
def test_pages_are_short(page: Path) -> None:
    assert len(page.read_text(encoding="utf-8").splitlines()) <= LONGEST


def test_the_index_lists_every_page() -> None:
    index = DOCS / "index.md"
    listed = {(index.parent / link.partition("#")[0]).resolve() for link in links(index)}
    assert {name_of(page) for page in sorted(DOCS.rglob("*.md")) if page not in listed} - {"docs/index.md"} == set()


@pytest.mark.parametrize("kind", ["sources", "targets"])
def test_every_system_has_its_page(kind: str) -> None:
    words = {point.name for point in entry_points(group=f"sync_provider.{kind}")}
    assert words == {page.stem for page in (DOCS / kind).glob("*.md")}


@pytest.mark.parametrize(("kind", "page"), [("rules", "checks"), ("cleaners", "cleaners"), ("masks", "masks")])
def test_every_word_has_its_heading_and_an_example(kind: str, page: str) -> None:
    path = DOCS / f"{page}.md"
    words = {point.name for point in entry_points(group=f"sync_provider.{kind}")}
    heads = set(re.findall(r"^## `(\w+)`", path.read_text(encoding="utf-8"), re.MULTILINE))
    examples = "\n".join(block.text for block in blocks(path) if block.path)
    assert words <= heads
    assert {word for word in words if not re.search(rf"\b{word}\b", examples)} == set()


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_and_option_is_described(command: str) -> None:
    page = (DOCS / "cli.md").read_text(encoding="utf-8")
    module = import_module(f"sync_provider.cli.{COMMANDS[command]}")
    parser = argparse.ArgumentParser(prog=command)
    module.arguments(parser)
    sections = [part for part in page.split("\n## ") if part.startswith(f"`sync-provider {command}")]
    assert len(sections) == 1, f"docs/cli.md has no section for {command}"
    assert {option for option in _options(parser) if option not in sections[0]} == set()


def _options(parser: argparse.ArgumentParser) -> set[str]:
    """Return the long options and the verbs of a command."""
    found = {option for action in parser._actions for option in action.option_strings if option.startswith("--")}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for verb, child in action.choices.items():
                found |= {verb, *_options(child)}
    return found - {"--help", "--config", "--env"}  # every command's, described once


def test_every_error_class_is_described() -> None:
    classes = {name for name, value in vars(errors).items() if isinstance(value, type) and name.endswith("Error")}
    text = (DOCS / "errors.md").read_text(encoding="utf-8")
    assert {name for name in classes - set(dir(builtins)) if f"`{name}`" not in text} == set()


def test_every_function_and_every_type_is_listed() -> None:
    functions = set(re.findall(r"`(\w+)`", prose(DOCS / "expressions.md")))
    assert FUNCTIONS - functions == set()
    types = set(re.findall(r"`([a-z0-9 ]+)[`(]", prose(DOCS / "types.md")))
    assert set(known_types()) - types == set()


def test_every_setting_and_connection_type_of_the_provider_is_described() -> None:
    from sync_provider.provider_info import get_provider_info

    info = get_provider_info()
    told = "\n".join(page.read_text(encoding="utf-8") for page in DOCS.rglob("*.md"))
    wanted = {f"AIRFLOW__SYNC__{name.upper()}" for name in info["config"]["sync"]["options"]}
    wanted |= {kind["connection-type"] for kind in info["connection-types"]}
    assert {name for name in wanted if name not in told} == set()
