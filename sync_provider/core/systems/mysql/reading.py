"""What the source needs of MySQL: columns of a query, rows of bytes as frames, a read that goes on by key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from sync_provider.core.contracts import ROW, ColumnType, ConnectionInfo
from sync_provider.core.errors import ConfigError, DataError
from sync_provider.core.systems.frames import parsed
from sync_provider.core.systems.increments import is_number
from sync_provider.core.systems.mysql.errors import where
from sync_provider.core.systems.mysql.names import literal, quote
from sync_provider.core.systems.mysql.types import column_type

if TYPE_CHECKING:
    import polars as pl

    from sync_provider.core.systems.mysql.session import MySqlSession

Row = Sequence[bytes | None]

#: the protocol's number of a type → how the catalogue spells it
_SPELLED = {
    1: "tinyint", 2: "smallint", 3: "int", 4: "float", 5: "double", 6: "text", 7: "timestamp", 8: "bigint",
    9: "mediumint", 10: "date", 11: "time", 12: "datetime", 13: "year", 14: "date", 245: "json", 255: "geometry",
}  # fmt: skip
_DECIMAL, _BIT = (0, 246), 16
_NOT_NULL, _UNSIGNED, _ENUM, _SET = 1, 32, 256, 2048
#: types that are text to everybody else
_TEXTS = ("inet4", "inet6")

_KEY = """
SELECT s.column_name AS name, c.collation_name AS collation, s.sub_part AS part
FROM information_schema.statistics s JOIN information_schema.columns c
  ON c.table_schema = s.table_schema AND c.table_name = s.table_name AND c.column_name = s.column_name
WHERE s.table_schema = {schema} AND s.table_name = {table} AND s.index_name = 'PRIMARY' ORDER BY s.seq_in_index"""


def carried(columns: Mapping[str, ColumnType]) -> dict[str, ColumnType]:
    """Return columns as a source gives them: what is text to everybody else is text."""
    return {name: replace(one, kind="text") if one.raw in _TEXTS else one for name, one in columns.items()}


def query_columns(session: MySqlSession, query: str) -> dict[str, ColumnType]:
    """Return the columns of a query in order; it is prepared and not run."""
    told = session.described(f"SELECT * FROM ({query}\n) AS source LIMIT 0")
    names = [str(column[0]) for column in told]
    # the protocol has one type for bytes and text; every value of one row without values still knows its charset
    charsets = ", ".join(f"CHARSET(source.{quote(name)}) AS {quote(str(at))}" for at, name in enumerate(names))
    sql = f"SELECT {charsets} FROM (SELECT 1) AS one LEFT JOIN ({query}\n) AS source ON FALSE"
    (row,) = session.fetch(sql)
    return {
        name: _described(column, binary=row[str(at)] == "binary")
        for at, (name, column) in enumerate(zip(names, told, strict=True))
    }


def _described(column: tuple[Any, ...], *, binary: bool) -> ColumnType:
    _, kind, _, length, _, scale, _, flags = column
    if kind in _DECIMAL:
        digits = length - (1 if scale else 0) - (0 if flags & _UNSIGNED else 1)
        spelled = f"decimal({digits},{scale})"
    elif kind == _BIT:
        spelled = f"bit({length})"
    else:
        bytes_ = binary and not flags & (_ENUM | _SET)
        spelled = _SPELLED.get(kind, "longblob" if bytes_ else "longtext")
    spelled += " unsigned" if flags & _UNSIGNED else ""
    return column_type(spelled, nullable=not flags & _NOT_NULL)


def selected(names: Sequence[str], columns: Mapping[str, ColumnType]) -> str:
    """Return the SELECT list: the server writes a float with 6 digits and bits as bytes unless it has to count."""
    return ", ".join(f"{quote(name)}{_counted(columns[name])} AS {quote(name)}" for name in names)


def _counted(column: ColumnType) -> str:
    if column.kind == "float32":
        return " + 0e0"
    return " + 0" if column.raw.lower().startswith("bit") else ""


def frame(rows: Sequence[Row], columns: Mapping[str, ColumnType], first: int) -> pl.DataFrame:
    """Return rows as a frame numbered from `first`; a column with a value that is not of its type is String."""
    import polars as pl

    cells = zip(*rows, strict=True) if rows else [()] * len(columns)
    series = [_series(name, values, columns[name]) for name, values in zip(columns, cells, strict=True)]
    return pl.DataFrame([*series, pl.int_range(first, first + len(rows), dtype=pl.Int64, eager=True).alias(ROW)])


def _series(name: str, values: Sequence[bytes | None], column: ColumnType) -> pl.Series:
    """This is the one place where each value is a Python object."""
    import polars as pl

    raw = pl.Series(name, values, dtype=pl.Binary)
    if column.kind == "binary":
        return raw
    try:
        texts = raw.cast(pl.String)
    except (pl.exceptions.ComputeError, pl.exceptions.InvalidOperationError) as error:
        raise DataError(
            f"column {name!r} holds bytes that are no text", "select it with CONVERT(… USING utf8mb4), or as a BLOB"
        ) from error
    if column.kind == "timestamptz":
        texts = texts + "+00"  # the session is in UTC
    if column.kind in ("date", "timestamp") and texts.str.starts_with("0000").any():
        return texts  # no calendar has a year 0
    return parsed(texts, column, check=False)


def estimated_rows(session: MySqlSession, schema: str | None, table: str) -> int | None:
    """Return about how many rows the server thinks a table has; None where it does not say."""
    found = session.fetch(
        "SELECT table_rows AS n FROM information_schema.tables "
        f"WHERE table_schema = {_schema(schema)} AND table_name = {literal(table)}"
    )
    return int(found[0]["n"]) if found and found[0]["n"] else None


def no_table(session: MySqlSession, info: ConnectionInfo, schema: str | None, table: str) -> ConfigError:
    """Say that a table is not there, and which one may be meant."""
    sql = f"SELECT table_name AS name FROM information_schema.tables WHERE table_schema = {_schema(schema)} LIMIT 1000"
    names = [str(row["name"]) for row in session.fetch(sql)]
    near = get_close_matches(table, names, n=1)
    database = schema or info.schema or ""
    hint = f"; did you mean {near[0]!r}?" if near else "" if names else f"; database {database!r} holds no table at all"
    return ConfigError(
        f"{where(info)}: table {f'{database}.{table}'!r} does not exist{hint}",
        fix="correct `table:` or `source.schema`",
    )


def primary_key(session: MySqlSession, schema: str | None, table: str) -> list[dict[str, Any]]:
    """Return name, collation and indexed part of the columns of a table's primary key, in its order."""
    return session.fetch(_KEY.format(schema=_schema(schema), table=literal(table)))


def resume_key(
    session: MySqlSession, schema: str | None, table: str, columns: Mapping[str, ColumnType]
) -> tuple[str, ...]:
    """Return the primary key of a table that can be read in its order; () where it has none, or one of other types."""
    found = primary_key(session, schema, table)
    fit = all(
        row["part"] is None and row["name"] in columns and _orders(columns[row["name"]], str(row["collation"] or ""))
        for row in found
    )
    return tuple(str(row["name"]) for row in found) if fit else ()


def _orders(column: ColumnType, collation: str) -> bool:
    enumerated = column.raw.lower().startswith(("enum", "set"))  # these are ordered by their place in the list
    number = is_number(column) and not column.raw.lower().startswith("bit")
    return number or (column.kind == "text" and collation.endswith("_bin") and not enumerated)


def order_by(key: Sequence[str]) -> str:
    """Return the ORDER BY clause."""
    return f" ORDER BY {', '.join(map(quote, key))}"


def behind(key: Sequence[str], columns: Mapping[str, ColumnType], values: Sequence[Any]) -> str:
    """Return the condition of the rows behind one key, spelled so that the server takes its index."""
    known = [key_literal(str(value), columns[name]) for name, value in zip(key, values, strict=True)]
    pairs = [(quote(name), value) for name, value in zip(key, known, strict=True)]
    terms = [
        " AND ".join([*(f"{name} = {value}" for name, value in pairs[:at]), f"{pairs[at][0]} > {pairs[at][1]}"])
        for at in range(len(pairs))
    ]
    return f"{pairs[0][0]} >= {pairs[0][1]} AND ({' OR '.join(terms)})"


def key_literal(text: str, column: ColumnType) -> str:
    """Return a key as a literal of its kind; what is no number never becomes one."""
    return str(int(text)) if is_number(column) else literal(text)


def _schema(schema: str | None) -> str:
    return literal(schema) if schema else "database()"
