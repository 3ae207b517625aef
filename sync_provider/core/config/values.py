"""How durations, sizes, percentages and lists are written in YAML, and the pydantic types for them."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from sync_provider.core.config.problems import shown

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_UNIT_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|s|m|h|d|w)\s*)+")
_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w)")
_UNIT_BYTES = {"B": 1, "KB": 1000, "MB": 1000**2, "GB": 1000**3, "TB": 1000**4,
               "KIB": 1024, "MIB": 1024**2, "GIB": 1024**3, "TIB": 1024**4}  # fmt: skip
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?I?B)", re.IGNORECASE)
_PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*%")
_DURATION_PATTERN = r"^(\d+(\.\d+)?(ms|s|m|h|d|w)\s*)+$"


def wrong(what: str, fix: str = "") -> PydanticCustomError:
    """Return an error to raise inside a validator: what is wrong, and one imperative.

    Plugin option models may use it too; a plain ValueError serves where there is no fix to name.
    """
    return PydanticCustomError("sync", "{what}", {"what": what, "fix": fix})


def check_name(value: str) -> str:
    """Return a name that can be part of an id."""
    if _NAME.fullmatch(value) is None:
        raise wrong(f"{value!r} cannot be part of an id", "use a-z, 0-9 and _, a letter first")
    return value


def parse_duration(value: Any) -> Any:
    """Read `5m`, `1h30m`, `500ms` as seconds; 0 needs no unit."""
    if isinstance(value, str) and _DURATION.fullmatch(value.strip()):
        return float(sum(float(number) * _UNIT_S[unit] for number, unit in _DURATION_PART.findall(value)))
    if value == 0 and not isinstance(value, bool):
        return 0.0
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        raise wrong(f"{value} has no unit", f"write {value}s or {value}m")
    raise wrong(f"{shown(value)} is not a duration", "write it as 30s, 5m or 1h30m")


def parse_size(value: Any) -> Any:
    """Read `512MB`, `1GiB` as bytes."""
    match = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise wrong(f"{shown(value)} is not a size", "write it as 64KB, 512MB or 1GiB")
    return int(float(match[1]) * _UNIT_BYTES[match[2].upper()])


def parse_percent(value: Any) -> Any:
    """Read `1%` or `0.5 %` as a number between 0 and 100."""
    match = _PERCENT.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None or float(match[1]) > 100:
        raise wrong(f"{shown(value)} is not a percentage", "write it as 1% or 0.5%")
    return float(match[1])


def one_or_many(value: Any) -> Any:
    """Read `id` as `[id]`."""
    return [value] if isinstance(value, str) else value


def null_is_empty(value: Any) -> Any:
    """Read a key with nothing behind it as an empty map."""
    return {} if value is None else value


Duration = Annotated[
    float,
    BeforeValidator(parse_duration, json_schema_input_type=Annotated[str, Field(pattern=_DURATION_PATTERN)]),
]
Size = Annotated[
    int,
    BeforeValidator(
        parse_size, json_schema_input_type=Annotated[str, Field(pattern=r"^\d+(\.\d+)?\s*([KMGTkmgt]i?)?[Bb]$")]
    ),
]
Percent = Annotated[
    float,
    BeforeValidator(parse_percent, json_schema_input_type=Annotated[str, Field(pattern=r"^\d+(\.\d+)?\s*%$")]),
]
Names = Annotated[tuple[str, ...], BeforeValidator(one_or_many, json_schema_input_type=str | list[str])]
IdName = Annotated[str, AfterValidator(check_name), Field(json_schema_extra={"pattern": f"^{_NAME.pattern}$"})]
