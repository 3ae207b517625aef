"""Files, functions and class trees stay small enough to be read in one go."""

from __future__ import annotations

import ast

from tests.house.sources import code_lines, functions, python

ROOMS = ("sync_provider", "dags", "plugins", "demo", "tests", "benchmarks")
FILE_LINES = 300
SMELL = 400
FUNCTION_LINES = 25
LONGEST_FUNCTION = 40


def test_no_file_is_longer_than_a_sitting() -> None:
    sizes = {path: _lines(tree) for path, tree in python(*ROOMS)}
    assert {path: lines for path, lines in sizes.items() if lines > SMELL} == {}
    # a contract is a list of short tests, read one at a time
    product = {
        path: lines for path, lines in sizes.items() if path.startswith(("sync_provider", "dags", "plugins", "demo"))
    }
    long = {path: n for path, n in product.items() if n > FILE_LINES and not path.startswith("sync_provider/testing/")}
    assert long == {}


def test_functions_are_mostly_short() -> None:
    sizes = sorted(
        (code_lines(f), f"{path}:{f.lineno} {f.name}")
        for path, tree in python("sync_provider")
        for f in functions(tree)
    )
    worst = sizes[-10:]
    fit = sum(lines <= FUNCTION_LINES for lines, _ in sizes)
    assert fit >= 0.95 * len(sizes), worst
    assert worst[-1][0] <= LONGEST_FUNCTION, worst


def test_every_module_says_in_one_sentence_what_lives_in_it() -> None:
    silent = [path for path, tree in python(*ROOMS) if tree.body and not ast.get_docstring(tree)]
    assert silent == []


def test_what_is_public_has_a_docstring() -> None:
    public = (
        (path, node)
        for path, tree in python("sync_provider")
        for node in tree.body
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_")
    )
    silent = [f"{path}:{node.lineno} {node.name}" for path, node in public if not ast.get_docstring(node)]
    assert silent == []


def test_own_inheritance_is_at_most_two_deep() -> None:
    bases = {
        node.name: [base.id if isinstance(base, ast.Name) else "" for base in node.bases]
        for _, tree in python("sync_provider")
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }

    def depth(name: str) -> int:
        return 1 + max((depth(base) for base in bases[name] if base in bases and base != name), default=0)

    deep = {name: depth(name) for name in bases if depth(name) > 3}  # itself and two above it
    assert deep == {}


def _lines(tree: ast.Module) -> int:
    return max((node.end_lineno or 0 for node in tree.body), default=0)
