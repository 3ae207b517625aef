"""The column types every system is mapped to, and their spelling in YAML."""

from __future__ import annotations

import re
from dataclasses import dataclass

#: spelling in YAML or in a catalogue → kind
_ALIASES = {
    "text": "text", "string": "text", "varchar": "text", "character varying": "text", "char": "text",
    "smallint": "int16", "int2": "int16", "integer": "int32", "int": "int32", "int4": "int32",
    "bigint": "int64", "int8": "int64",
    "decimal": "decimal", "numeric": "decimal",
    "real": "float32", "float4": "float32", "double": "float64", "double precision": "float64",
    "float": "float64", "float8": "float64",
    "boolean": "boolean", "bool": "boolean",
    "date": "date", "time": "time",
    "timestamp": "timestamp", "datetime": "timestamp", "timestamptz": "timestamptz",
    "json": "json", "jsonb": "json", "uuid": "uuid",
    "bytea": "binary", "blob": "binary", "binary": "binary",
}  # fmt: skip
_SPELLING = {
    "int16": "smallint", "int32": "integer", "int64": "bigint", "float32": "real", "float64": "double",
}  # fmt: skip
_FORM = re.compile(r"\s*([a-z][a-z0-9_ ]*?)\s*(?:\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\))?\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ColumnType:
    """One column's type.

    Args:
        kind: text int16 int32 int64 decimal float32 float64 boolean date time timestamp timestamptz
            json uuid binary, or `other`: carried as exact text and cast by the server.
        precision: total digits of a decimal; None = not bounded.
        scale: digits after the point of a decimal.
        length: largest number of characters of a text; None = not bounded.
        nullable: whether NULL is allowed where this column is.
        raw: how the system itself spells the type; what a server casts `other` to.
    """

    kind: str
    precision: int | None = None
    scale: int | None = None
    length: int | None = None
    nullable: bool = True
    raw: str = ""

    def __str__(self) -> str:
        if self.kind == "other":
            return self.raw
        name = _SPELLING.get(self.kind, self.kind)
        if self.kind == "decimal" and self.precision:
            return f"{name}({self.precision},{self.scale or 0})"
        return f"varchar({self.length})" if self.kind == "text" and self.length else name


def known_types() -> list[str]:
    """Return every spelling that `type:` accepts."""
    return sorted(_ALIASES)


def parse_type(text: str) -> ColumnType:
    """Read a type as it is written in YAML, `decimal(12,2)` or `bigint`.

    Raises:
        ValueError: the type is unknown, or has arguments that it does not take.
    """
    match = _FORM.fullmatch(text)
    kind = _ALIASES.get(match[1].lower()) if match else None
    if match is None or kind is None:
        raise ValueError(f"unknown type {text!r}")
    first = int(match[2]) if match[2] else None
    second = int(match[3]) if match[3] else None
    if kind == "decimal":
        if first is not None and not (first >= 1 and (second or 0) <= first):
            raise ValueError(f"{text!r}: the scale must not exceed the precision")
        return ColumnType(kind, precision=first, scale=(second or 0) if first else None, raw=text)
    if kind == "text" and second is None:
        return ColumnType(kind, length=first, raw=text)
    if first is not None:
        raise ValueError(f"type {match[1]!r} takes no arguments")
    return ColumnType(kind, raw=text)
