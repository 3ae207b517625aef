"""What the house tests look at: the repository's files and the syntax trees of its Python."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "sync_provider"
_BINARY = {".png", ".gif", ".ico", ".whl", ".gz"}


@cache
def files() -> tuple[Path, ...]:
    """Return every file of the repository that git does not ignore."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return tuple(ROOT / name for name in sorted(set(listed.split("\0"))) if name and (ROOT / name).is_file())


def texts() -> Iterator[tuple[str, str]]:
    """Yield (path, text) of every text file."""
    for file in files():
        if file.suffix not in _BINARY:
            yield file.relative_to(ROOT).as_posix(), file.read_text(encoding="utf-8")


def python(*rooms: str) -> list[tuple[str, ast.Module]]:
    """Return (path, syntax tree) of the Python files under some top folders."""
    found = [file for file in files() if file.suffix == ".py" and file.relative_to(ROOT).parts[0] in rooms]
    return [(file.relative_to(ROOT).as_posix(), _tree(file)) for file in found]


@cache
def _tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"), str(file))


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield every function and method, nested ones too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def code_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return how many lines a function has, its docstring not counted."""
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function) is not None:
        lines -= (first.end_lineno or first.lineno) - first.lineno + 1
    return lines
