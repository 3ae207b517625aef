"""Reading a PostgreSQL table in the order of its primary key, so that a read can go on behind any row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sync_provider.core.contracts import ColumnType
from sync_provider.core.systems.postgres.names import literal, qualified, quote

if TYPE_CHECKING:
    from sync_provider.core.systems.postgres.session import PgSession

#: kinds whose text says the value exactly, and whose order does not hang on the server's language
_ORDERED = ("int16", "int32", "int64", "uuid", "text")

#: rows of children are not in the parent's index: a key may be there twice
_KEY = """
SELECT a.attname::text AS name FROM pg_index i CROSS JOIN unnest(i.indkey) WITH ORDINALITY AS k (attnum, at)
JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
JOIN pg_class c ON c.oid = i.indrelid
WHERE i.indrelid = to_regclass({relation}) AND i.indisprimary AND i.indisvalid
  AND (c.relkind = 'p' OR NOT EXISTS (SELECT 1 FROM pg_inherits h WHERE h.inhparent = c.oid))
ORDER BY k.at"""


def resume_key(
    session: PgSession, schema: str | None, table: str, columns: Mapping[str, ColumnType]
) -> tuple[str, ...]:
    """Return the primary key of a table that can be read in its order; () where it has none, or one of other types."""
    found = session.fetch(_KEY.format(relation=literal(qualified(schema, table))))
    names = tuple(str(row["name"]) for row in found)
    return names if all(_orders(columns.get(name)) for name in names) else ()


def _orders(column: ColumnType | None) -> bool:
    # character(n) takes blanks at the end for none
    padded = column is not None and column.kind == "text" and column.raw.startswith(("character(", "bpchar"))
    return column is not None and column.kind in _ORDERED and not padded


def order_by(key: Sequence[str], columns: Mapping[str, ColumnType]) -> str:
    """Return the ORDER BY clause."""
    return " ORDER BY " + ", ".join(_term(name, columns) for name in key)


def behind(key: Sequence[str], columns: Mapping[str, ColumnType], values: Sequence[Any]) -> str:
    """Return the condition of the rows behind one key."""
    left = ", ".join(_term(name, columns) for name in key)
    right = ", ".join(literal(str(value)) for value in values)
    return f"({left}) > ({right})"


def _term(name: str, columns: Mapping[str, ColumnType]) -> str:
    return f'{quote(name)} COLLATE "C"' if columns[name].kind == "text" else quote(name)
