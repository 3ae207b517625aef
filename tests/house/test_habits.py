"""Names, excepts, tunnels and addresses that this house does without."""

from __future__ import annotations

import ast
import re

from tests.house.sources import PACKAGE, ROOT, functions, python, texts

VAGUE = {"utils", "util", "helpers", "helper", "common", "manager", "misc"}

#: the only files that catch everything and go on: one broken source must not take the others along, whatever
#: a plugin it names does, and a message that cannot be sent must not undo a run
BROAD = {
    "sync_provider/core/plan/project.py",
    "sync_provider/dag_factory/__init__.py",
    "sync_provider/notifications/alerts.py",
}
#: `**kwargs` is Airflow's own protocol here
AIRFLOW_ROOMS = ("operators", "sensors", "triggers", "hooks", "notifications", "plugins")


def test_no_name_that_says_nothing() -> None:
    named = {path: set(re.split(r"[/_.]", path)) & VAGUE for path, _ in texts()}
    assert {path: words for path, words in named.items() if words} == {}
    vague = re.compile(r"(Utils?|Helpers?|Manager|Misc)$")
    nodes = [(path, node) for path, tree in python("sync_provider") for node in ast.walk(tree)]
    classes = [
        f"{path} {node.name}" for path, node in nodes if isinstance(node, ast.ClassDef) and vague.search(node.name)
    ]
    assert classes == []


def test_everything_is_caught_in_two_named_places_only() -> None:
    found = {path for path, tree in python("sync_provider") for node in ast.walk(tree)
             if isinstance(node, ast.ExceptHandler) and _is_broad(node.type) and not _raises(node)}  # fmt: skip
    assert found == BROAD


def test_no_parameter_tunnel_outside_airflows_rooms() -> None:
    tunnels = [f"{path}:{f.lineno} {f.name}" for path, tree in python("sync_provider")
               if path.split("/")[1] not in AIRFLOW_ROOMS
               for f in functions(tree) if f.args.kwarg and f.args.kwarg.arg == "kwargs"]  # fmt: skip
    assert tunnels == []


def test_no_path_of_one_machine() -> None:
    place = re.compile(r"(?<![\w.$}/-])/(?:work|root|home)/(?!airflow)\w")
    found = [f"{path}: {match[0]}" for path, text in texts() for match in place.finditer(text)]
    assert found == []


def test_no_address_of_a_package_index() -> None:
    assert "://" not in (ROOT / "constraints.txt").read_text()
    assert not re.search(r"index-url|find-links|\[\[tool\.uv\.index", (ROOT / "pyproject.toml").read_text())
    assert not [path for path, _ in texts() if path.endswith(("uv.lock", "poetry.lock"))]


def test_nothing_is_left_for_later() -> None:
    left = [f"{file.name}: {line.strip()}" for file in PACKAGE.rglob("*.py") for line in file.read_text().splitlines()
            if re.search(r"#\s*(TODO|FIXME|XXX|HACK)\b", line)]  # fmt: skip
    assert left == []


def _is_broad(caught: ast.expr | None) -> bool:
    names = caught.elts if isinstance(caught, ast.Tuple) else [caught]
    return any(
        name is None or (isinstance(name, ast.Name) and name.id in ("Exception", "BaseException")) for name in names
    )


def _raises(handler: ast.ExceptHandler) -> bool:
    return isinstance(handler.body[-1], ast.Raise)
