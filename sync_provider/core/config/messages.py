"""pydantic's errors → problems in our words, at the place they are about."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

from sync_provider.core.config.positions import Node, Path_
from sync_provider.core.config.problems import Problem, did_you_mean, not_one_of, secret_name, shown

#: whether one of pydantic's errors is no mistake here
Skip = Callable[[Any], bool]
#: as many mistakes of one map are told; a file of nothing else must not take minutes
MOST = 200
#: keys people write out of habit → what to write here; (parent key or "", key)
_HABITS = {
    ("columns", "mask"): "mask columns under `mask:` of the interface: mask: {phone: partial}",
    ("alerts", "on"): "write `when:`",
    ("schedule", "window"): 'move it out, beside `schedule:`: window: "01:00-06:00"',
    ("schedule", "outside"): "move it out, beside `schedule:` and `window:`",
    ("schedule", "enabled"): "move it out, beside `schedule:`: enabled: false",
    ("schedule", "catchup"): "move it out, beside `schedule:`: catchup: true",
    ("", "fields"): "write `columns:`",
    ("", "dead_letter"): "rejected rows always go to quarantine; limit them with `max_bad:`",
    ("", "primary_keys"): "write `primary_key:`",
    ("", "sql"): "write `query:`",
    ("", "cron"): 'write schedule: "0 2 * * *"',
    ("", "interval"): "write schedule: {interval: 15m}",
    ("", "<<"): "write shared keys once, at the source or in project.yaml under `defaults:`",
}
#: pydantic's error type → what was wanted
_WANTED = {
    "int_type": "a whole number", "int_parsing": "a whole number", "int_from_float": "a whole number",
    "float_type": "a number", "float_parsing": "a number",
    "bool_type": "true or false", "bool_parsing": "true or false",
    "string_type": "text", "list_type": "a list", "tuple_type": "a list", "dict_type": "a map (key: value)",
    "model_type": "a map (key: value)", "model_attributes_type": "a map (key: value)",
    "mapping_type": "a map (key: value)", "url_type": "a URL", "url_parsing": "a URL",
}  # fmt: skip


def problems_of(error: ValidationError, root: Node, model: type[BaseModel], base: Path_ = (),
                more_keys: tuple[str, ...] = (), skip: Skip | None = None) -> list[Problem]:  # fmt: skip
    """Return one problem per mistake.

    Args:
        root: the tree that was validated.
        model: what it was validated against, for the known keys.
        base: path in `root` the model starts at.
        more_keys: keys known at the model's top beside its own.
        skip: tells errors that are no mistakes here.
    """
    items = [item for item in error.errors(include_url=False) if skip is None or not skip(item)]
    problems = [_problem(item, root, model, base, more_keys) for item in items[:MOST]]
    if len(items) > MOST:
        problems.append(root.find(base).problem(f"and {len(items) - MOST:,} mistakes more", "correct those first"))
    return problems


def _problem(item: Any, root: Node, model: type[BaseModel], base: Path_, more: tuple[str, ...]) -> Problem:
    loc = base + tuple(item["loc"])
    node = root.find(loc)
    kind, given = item["type"], item["input"]
    if kind == "extra_forbidden":
        known = (*known_keys(model, tuple(item["loc"])[:-1]), *(more if len(item["loc"]) == 1 else ()))
        return unknown_key(node, str(loc[-1]), known)
    if kind == "missing":
        known = known_keys(model, tuple(item["loc"])[:-1])
        written = [key for key in node.value if key not in known] if isinstance(node.value, dict) else []
        meant = did_you_mean(str(loc[-1]), written).replace("did you mean", "was it meant by")
        return node.problem(f"missing key {loc[-1]!r}{meant}", f"add `{loc[-1]}:`", at_key=True)
    if kind == "sync":
        return node.problem(item["ctx"]["what"], item["ctx"]["fix"])
    return node.problem(*_said(kind, given, item, str(loc[-1]) if loc else ""))


def unknown_key(node: Node, key: str, known: tuple[str, ...]) -> Problem:
    """Return the problem of a key nobody knows, with the nearest one."""
    parents = [step for step in node.path[:-1] if isinstance(step, str)]
    habit = next((_HABITS[p, key] for p in (*parents[-2:], "") if (p, key) in _HABITS), "")
    near = "" if habit else did_you_mean(key, known)
    listed = "" if near or habit or len(known) > 12 else f"; known here: {', '.join(known)}"
    return node.problem(f"unknown key{near or listed}", habit, at_key=True)


def _said(kind: str, given: Any, item: Any, key: str) -> tuple[str, str]:
    if given is None:
        return "is empty", "write a value, or remove the key"
    value = "what is there" if secret_name(key) else shown(given)
    if kind in ("literal_error", "enum"):
        words = [word.strip("'") for word in item["ctx"]["expected"].replace(" or ", ", ").split(", ")]
        return not_one_of(given, words) if isinstance(given, str) else f"{value} is not one of {', '.join(words)}", ""
    if kind in _WANTED:
        quote = "put quotes around it" if kind == "string_type" and isinstance(given, (int, float)) else ""
        return f"must be {_WANTED[kind]}, got {value}", quote
    if kind == "value_error":
        return str(item["ctx"]["error"]), ""
    if kind == "too_short":
        return "is empty", "add at least one entry"
    message = item["msg"][:1].lower() + item["msg"][1:]
    return f"{message.replace('input should be', 'must be')}, got {value}", ""


@cache
def known_keys(model: type[BaseModel], path: Path_) -> tuple[str, ...]:
    """Return the keys a model allows at a path, as written in YAML; () where it allows any."""
    found = _model_at(model, path)
    return () if found is None else tuple(field.alias or name for name, field in found.model_fields.items())


def _model_at(model: type[BaseModel], path: Path_) -> type[BaseModel] | None:
    current: Any = model
    for step in path:
        current = _inner(current)
        if isinstance(current, type) and issubclass(current, BaseModel):
            fields = {field.alias or name: field for name, field in current.model_fields.items()}
            current = fields[step].annotation if step in fields else None
        elif get_origin(current) is dict:
            current = get_args(current)[1]
        elif get_origin(current) in (list, tuple):
            current = get_args(current)[0]
        else:
            return None
    current = _inner(current)
    return current if isinstance(current, type) and issubclass(current, BaseModel) else None


def _inner(annotation: Any) -> Any:
    """Peel Annotated and Optional off a type."""
    while True:
        args = [arg for arg in get_args(annotation) if arg is not type(None)]
        if hasattr(annotation, "__metadata__") or (args and len(args) < len(get_args(annotation))):
            annotation = args[0]
        else:
            return annotation


def pruned(data: Any, places: list[Path_]) -> Any:
    """Return a copy of a map without what stands at some places; a list is left out as a whole."""
    if not isinstance(data, dict):
        return data
    copy = dict(data)
    inner: dict[Any, list[Path_]] = {}
    for place in places:
        if place and place[0] in data:
            inner.setdefault(place[0], []).append(place[1:])
    for name, below in inner.items():
        if isinstance(data[name], dict) and all(below):
            copy[name] = pruned(data[name], below)
        else:
            del copy[name]
    return copy
