"""Reading a SQLite table in the order of its primary key, so that a read can go on behind any row."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from sync_provider.core.systems.sqlite.names import quote


def resume_key(connection: sqlite3.Connection, table: str) -> tuple[str, ...]:
    """Return the primary key of a table whose every row has one; () where it has none, or a NULL may be in it."""
    sql = 'SELECT name, type, "notnull" FROM pragma_table_info(?) WHERE pk ORDER BY pk'
    found = connection.execute(sql, (table,)).fetchall()
    whole = all(filled or (len(found) == 1 and str(kind).upper() == "INTEGER") for _, kind, filled in found)
    return tuple(str(name) for name, _, _ in found) if whole else ()


def order_by(key: Sequence[str]) -> str:
    """Return the ORDER BY clause: as bytes, whatever the column says of upper and lower case."""
    return " ORDER BY " + ", ".join(f"{quote(name)} COLLATE BINARY" for name in key)


def behind(key: Sequence[str], values: Sequence[Any]) -> tuple[str, dict[str, Any]]:
    """Return the condition of the rows behind one key, and its values."""
    left = ", ".join(f"{quote(name)} COLLATE BINARY" for name in key)
    right = ", ".join(f":sync_key_{at}" for at in range(len(key)))
    return f"({left}) > ({right})", {f"sync_key_{at}": value for at, value in enumerate(values)}


def speakable(key: Sequence[Any]) -> bool:
    """Whether a key survives as JSON, so that a read can go on behind it."""
    return all(isinstance(value, int) or (isinstance(value, str) and _encodable(value)) for value in key)


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
