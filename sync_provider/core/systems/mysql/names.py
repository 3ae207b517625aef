"""Names in MySQL: quoted by backticks, so that statements can be pasted into any client, whatever its sql_mode."""

from __future__ import annotations

from sync_provider.core.errors import ConfigError
from sync_provider.core.systems.names import literal

__all__ = ["listed", "literal", "qualified", "quote"]


def quote(name: str) -> str:
    """Return `name` as a quoted identifier, whatever it holds.

    Raises:
        ConfigError: the name is empty or holds a NUL, which no database can carry.
    """
    if not name or "\x00" in name:
        raise ConfigError(f"{name!r} is not a name: it is empty or holds a NUL character", "give it another name")
    return "`" + name.replace("`", "``") + "`"


def qualified(schema: str | None, table: str) -> str:
    """Return the table with its database, or alone where there is none."""
    return f"{quote(schema)}.{quote(table)}" if schema else quote(table)


def listed(names: tuple[str, ...] | list[str], prefix: str = "") -> str:
    """Return the names quoted and joined by commas, each behind `prefix` (an alias with its point)."""
    return ", ".join(prefix + quote(name) for name in names)
