"""`checks:`, `clean:` and `mask:`: each word finds its plugin, and the plugin reads its own parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sync_provider.core import registry
from sync_provider.core.config.messages import unknown_key
from sync_provider.core.config.positions import Node
from sync_provider.core.config.problems import Problem, not_one_of, unknown
from sync_provider.core.contracts import CheckPlan, CleanPlan, CleanStep, MaskPlan
from sync_provider.core.errors import SyncError

ON_FAIL = ("quarantine", "drop", "warn", "abort")
_BESIDE = ("name", "on_fail")
#: what foreign code may raise at import or while it reads parameters; a typo in a plugin must not end the DAG parser
PLUGIN_FAULTS = (
    ArithmeticError, AssertionError, AttributeError, ImportError, LookupError, NameError,
    OSError, RuntimeError, SyntaxError, TypeError, ValueError,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Word:
    """One word as written, read and accepted.

    Args:
        plan: CheckPlan, CleanPlan or MaskPlan.
        columns: target columns it names.
        node: where it is written.
        keeps_equality: for masks, whether equal values stay equal.
    """

    plan: Any
    columns: tuple[str, ...]
    node: Node
    keeps_equality: bool = True


@dataclass(frozen=True, slots=True)
class Words:
    """All words of one interface, and what is wrong with them."""

    checks: tuple[Word, ...]
    clean: tuple[Word, ...]
    mask: tuple[Word, ...]
    problems: tuple[Problem, ...]


def read_words(root: Node) -> Words:
    """Read the three lists of an interface's effective tree; never raises."""
    problems: list[Problem] = []
    checks = [_check(node, problems) for node in _items(root.get("checks"))]
    clean = [_clean(node, problems) for node in _items(root.get("clean"))]
    masks = root.get("mask")
    written = masks.value.items() if masks is not None and isinstance(masks.value, dict) else ()
    mask = [_mask(column, node, problems) for column, node in written]
    return Words(_kept(checks), _kept(clean), _kept(mask), tuple(problems))


def load_plugin(kind: str, word: str, node: Node, what: str, *, at_key: bool = True) -> tuple[Any, Problem | None]:
    """Load a plugin, or say at `node` why there is none."""
    if not registry.knows(kind, word):
        return None, node.problem(unknown(what, word, registry.names(kind)), at_key=at_key)
    try:
        return registry.load(kind, word), None
    except SyncError as error:
        return None, node.problem(error.what, error.fix, at_key=at_key)
    except PLUGIN_FAULTS as error:
        message = f"{what} {word!r} cannot be imported: {type(error).__name__}: {error}"
        return None, node.problem(message, at_key=at_key)


def _kept(words: list[Word | None]) -> tuple[Word, ...]:
    return tuple(word for word in words if word is not None)


def _items(node: Node | None) -> list[Node]:
    return node.value if node is not None and isinstance(node.value, list) else []


def _check(node: Node, problems: list[Problem]) -> Word | None:
    word = _one_word(node, "rules", "rule", _BESIDE, problems)
    if word is None:
        return None
    name, on_fail = _beside(node, problems)
    rule, problem = load_plugin("rules", word, node.value[word], "rule")
    if problem is not None:
        problems.append(problem)
        return None
    params = node.value[word].plain()
    columns = _parse(rule, params, node.value[word], f"rule {word!r}", problems)
    return None if columns is None else Word(CheckPlan(word, params, name, on_fail), columns, node.value[word])


def _beside(node: Node, problems: list[Problem]) -> tuple[str, str]:
    """Read `name` and `on_fail` beside a rule; no name is ""."""
    name, on_fail = node.get("name"), node.get("on_fail")
    if name is not None and not isinstance(name.value, str):
        problems.append(name.problem("name must be text", "put quotes around it"))
    if on_fail is not None and on_fail.value not in ON_FAIL:
        problems.append(on_fail.problem(not_one_of(on_fail.plain(), ON_FAIL)))
    return (name.value if name else ""), (on_fail.value if on_fail else "quarantine")


def _clean(node: Node, problems: list[Problem]) -> Word | None:
    word = _one_word(node, "cleaners", "cleaner", (), problems)
    if word is None:
        return None
    cleaner, problem = load_plugin("cleaners", word, node.value[word], "cleaner")
    if problem is not None:
        problems.append(problem)
        return None
    params = node.value[word].plain()
    columns = _parse(cleaner, params, node.value[word], f"cleaner {word!r}", problems)
    return None if columns is None else Word(CleanPlan(word, params), columns, node.value[word])


def _mask(column: str, node: Node, problems: list[Problem]) -> Word | None:
    method, params = _method(node)
    if method is None or not isinstance(method.value, str):
        problems.append(
            node.problem(
                "names no masking method", f"write {column}: partial, or {{method: hmac, key: <connection id>}}"
            )
        )
        return None
    mask, problem = load_plugin("masks", method.value, method, "mask", at_key=False)
    if problem is not None:
        problems.append(problem)
        return None
    if getattr(mask, "needs_key", False) and not isinstance(params.get("key"), str):
        fix = f"write {column}: {{method: {method.value}, key: <id of the Airflow connection that holds the key>}}"
        problems.append(node.problem(f"mask {method.value!r} needs a key", fix))
        return None
    if _parse(mask, params, node, f"mask {method.value!r}", problems) is None:
        return None
    return Word(MaskPlan(column, method.value, params), (column,), node, bool(getattr(mask, "keeps_equality", False)))


def _method(node: Node) -> tuple[Node | None, dict[str, Any]]:
    """Return a mask's method and parameters: `partial`, `{method: hmac, key: k}` or `{hmac: {key: k}}`."""
    value = node.value
    if not isinstance(value, dict):
        return node, {}
    if len(value) == 1 and "method" not in value:
        ((word, child),) = value.items()
        inner = child.plain() or {}
        named = Node(
            node.document, word, child.path, (child.key_line, child.key_column), (child.key_line, child.key_column)
        )
        return (named, inner) if isinstance(inner, dict) else (None, {})
    return node.get("method"), {name: child.plain() for name, child in value.items() if name != "method"}


def _parse(plugin: Any, params: Any, node: Node, what: str, problems: list[Problem]) -> tuple[str, ...] | None:
    """Let a plugin read its parameters. Returns the columns it names, or None when it refuses them."""
    try:
        return _columns(plugin.parse(params))
    except SyncError as error:
        problems.append(node.problem(error.what, error.fix, at_key=True))
    except ValueError as error:
        message, _, fix = str(error).partition("\n")
        problems.append(node.problem(message, fix.strip().removeprefix("fix: "), at_key=True))
    except PLUGIN_FAULTS as error:
        message = f"{what} cannot read these parameters ({type(error).__name__}: {error})"
        problems.append(node.problem(message, at_key=True))
    return None


def _columns(parsed: Any) -> tuple[str, ...]:
    """Return the columns of what a rule (cases), a cleaner (a step) or a mask (nothing) made of its parameters."""
    if parsed is None:
        return ()
    if isinstance(parsed, CleanStep):
        return tuple(parsed.columns)
    return tuple(dict.fromkeys(column for case in parsed for column in case.columns))


def _one_word(node: Node, kind: str, what: str, beside: tuple[str, ...], problems: list[Problem]) -> str | None:
    """Return the one word of a list item such as `{not_null: [id], on_fail: warn}`."""
    if not isinstance(node.value, dict):
        hint = f"write `- {node.value}: …`" if isinstance(node.value, str) and registry.knows(kind, node.value) else \
            f"write a {what} and its parameters, such as `- {_EXAMPLE[kind]}`"  # fmt: skip
        problems.append(node.problem(f"must be a map with one {what}", hint))
        return None
    words = [name for name in node.value if name not in beside]
    if len(words) == 1:
        return str(words[0])
    known = [word for word in words if registry.knows(kind, word)]
    if len(known) == 1:
        others = (word for word in words if word not in known)
        problems.extend(unknown_key(node.value[word], word, beside) for word in others)
    elif known:
        fix = f"start a list item of its own for each: `- {known[1]}: …`"
        problems.append(node.value[known[1]].problem(f"a second {what} in one list item", fix, at_key=True))
    elif words:
        first = words[0]
        problems.append(node.value[first].problem(unknown(what, first, registry.names(kind)), at_key=True))
    else:
        problems.append(node.problem(f"names no {what}", f"write `- {_EXAMPLE[kind]}`"))
    return None


_EXAMPLE = {"rules": "not_null: [id]", "cleaners": "trim: [name]"}
