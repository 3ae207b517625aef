"""Quoting of identifiers and text in standard SQL: the only place that does it."""

from __future__ import annotations

from sync_provider.core.errors import ConfigError


def quote(name: str) -> str:
    """Return `name` as a quoted identifier, whatever it holds.

    Raises:
        ConfigError: the name is empty or holds a NUL, which no database can carry.
    """
    if not name or "\x00" in name:
        raise ConfigError(f"{name!r} is not a name: it is empty or holds a NUL character", "give it another name")
    return '"' + name.replace('"', '""') + '"'


def qualified(schema: str | None, table: str) -> str:
    """Return `"schema"."table"`, or `"table"` where there is no schema."""
    return f"{quote(schema)}.{quote(table)}" if schema else quote(table)


def listed(names: tuple[str, ...] | list[str], prefix: str = "") -> str:
    """Return the names quoted and joined by commas, each behind `prefix` (an alias with its point)."""
    return ", ".join(prefix + quote(name) for name in names)


def literal(text: str) -> str:
    """Return `text` as a string literal; for servers where a backslash is just a backslash.

    Raises:
        ConfigError: the text holds a NUL.
    """
    if "\x00" in text:
        raise ConfigError("a value holds a NUL character", "remove it")
    return "'" + text.replace("'", "''") + "'"
