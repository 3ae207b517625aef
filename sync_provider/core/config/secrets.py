"""No secret stands in YAML: keys that name one, and URLs that carry one."""

from __future__ import annotations

import re
from functools import lru_cache

from sync_provider.core.config.positions import Node
from sync_provider.core.config.problems import Problem, secret_name

#: below these, keys are column names or words, not settings
_COLUMNS = frozenset({"columns", "mask", "checks", "clean"})
_LOGIN = re.compile(r"://[^/\s@:]*:[^/\s@]*@")
_FIX = "put it into an Airflow connection and write `connection: <its id>`"

_secret_name = lru_cache(maxsize=4096)(secret_name)


def find_secrets(node: Node) -> list[Problem]:
    """Return one problem per literal secret in a tree."""
    found: list[Problem] = []
    _walk(node, found)
    return found


def _walk(node: Node, found: list[Problem]) -> None:
    value = node.value
    if isinstance(value, dict):
        for name, child in value.items():
            if name in _COLUMNS:
                continue
            if _secret_name(name) and isinstance(child.value, (str, int, float)) and child.value != "":
                found.append(child.problem("a secret does not belong in YAML", _FIX, at_key=True))
            else:
                _walk(child, found)
    elif isinstance(value, list):
        for child in value:
            _walk(child, found)
    elif isinstance(value, str) and "://" in value and _LOGIN.search(value):
        found.append(node.problem("this URL carries a password", _FIX))
