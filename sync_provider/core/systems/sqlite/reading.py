"""What the source needs of SQLite: a connection that cannot write, rows in chunks, rows as a frame."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import quote as url_quote

from sync_provider.core.contracts import REJECTED, ROW, ColumnType, ConnectionInfo
from sync_provider.core.systems.frames import parsed
from sync_provider.core.systems.sqlite.errors import check_place
from sync_provider.core.systems.sqlite.names import quote
from sync_provider.core.systems.sqlite.session import path_of

if TYPE_CHECKING:
    import polars as pl

Row = tuple[Any, ...]

#: rows are fetched in chunks of about this size, and a batch goes out when it is this big
_CHUNK_BYTES = 4 << 20
_BATCH_BYTES = 64 << 20
_CHUNK_ROWS = 5000
_EXACT_INTS = 1 << 53
_TIMEOUT_S = 60.0


def open_to_read(info: ConnectionInfo) -> sqlite3.Connection:
    """Open an existing database file; never creates one. Cancelled by `interrupt` from any thread."""
    check_place(info, path_of(info), create=False)
    uri = f"file:{url_quote(path_of(info))}?mode=rw"
    connection = sqlite3.connect(uri, uri=True, timeout=_TIMEOUT_S, isolation_level=None, check_same_thread=False)
    connection.execute("SELECT count(*) FROM sqlite_master")  # a file that is no database says so now
    return connection


def batches(
    connection: sqlite3.Connection, sql: str, values: dict[str, Any], rows: int
) -> Generator[list[Row], None, None]:
    """Yield the rows of a query, `rows` at a time or fewer big ones, of one snapshot.

    Text that is not UTF-8 comes with its undecodable bytes as lone surrogates.
    """
    held: list[Row] = []
    size = given = 0
    connection.execute("PRAGMA query_only = ON")
    connection.execute("BEGIN")
    try:
        for chunk, chunk_bytes in _chunks(connection, sql, values, rows):
            held += chunk
            size += chunk_bytes
            while len(held) >= rows or size >= _BATCH_BYTES:
                yield held[:rows]
                held, size, given = held[rows:], 0, given + 1
        if held:
            yield held
    finally:
        with suppress(sqlite3.Error):  # closed meanwhile
            connection.execute("ROLLBACK")
            connection.execute("PRAGMA query_only = OFF")  # forbids temporary views, too


def _chunks(
    connection: sqlite3.Connection, sql: str, values: dict[str, Any], rows: int
) -> Iterator[tuple[list[Row], int]]:
    done, wanted, lenient = 0, 16, False
    cursor = connection.execute(sql, values)
    while True:
        try:
            chunk = cursor.fetchmany(min(wanted, rows))
        except sqlite3.OperationalError as error:
            if lenient or "decode" not in str(error).lower():
                raise
            # a slower way from here on: the same rows come in the same order within one snapshot
            lenient = True
            connection.text_factory = _lenient
            cursor = connection.execute(f"{sql} LIMIT -1 OFFSET {done}", values)
            continue
        if not chunk:
            return
        done += len(chunk)
        size = _estimate(chunk)
        wanted = max(1, min(_CHUNK_ROWS, _CHUNK_BYTES * len(chunk) // max(size, 1)))
        yield chunk, size


def _lenient(text: bytes) -> str:
    return text.decode("utf-8", "surrogateescape")


def _estimate(chunk: Sequence[Row]) -> int:
    sample = chunk[::16]
    size = sum(len(value) if isinstance(value, (str, bytes)) else 8 for row in sample for value in row)
    return size * len(chunk) // len(sample)


def estimated_rows(connection: sqlite3.Connection, table: str) -> int | None:
    """Return about how many rows a table has, without counting them; None where that cannot be told."""
    try:
        found = connection.execute(f"SELECT max(_rowid_) FROM {quote(table)}").fetchone()[0]
    except sqlite3.OperationalError:  # WITHOUT ROWID
        return None
    return found if isinstance(found, int) and found > 0 else None


def frame(
    rows: list[Row], columns: dict[str, ColumnType], first: int, origin: str, masked: bool
) -> tuple[pl.DataFrame, pl.DataFrame | None]:
    """Return rows as a frame, and as a rejected frame those whose text is no text.

    A column is of its declared type where all its values are, else String: each value in its exact text.
    """
    import polars as pl

    bad = (
        {at: problem for at, row in enumerate(rows) if (problem := _no_text(row, columns))}
        if _suspect(rows, columns)
        else {}
    )
    good = [row for at, row in enumerate(rows) if at not in bad] if bad else rows
    numbers = [first + at for at in range(len(rows)) if at not in bad]
    cells = list(zip(*good, strict=True)) if good else [()] * len(columns)
    series = [_series(name, list(values), columns[name]) for name, values in zip(columns, cells, strict=True)]
    made = pl.DataFrame([*series, pl.Series(ROW, numbers, dtype=pl.Int64)])
    return made, _rejected(rows, bad, columns, first, origin, masked) if bad else None


def _series(name: str, values: list[Any], column: ColumnType) -> pl.Series:
    import polars as pl

    kinds = set(map(type, values)) - {type(None)}
    if column.kind == "int64" and kinds <= {int}:
        return pl.Series(name, values, dtype=pl.Int64)
    if column.kind == "float64" and kinds <= {int, float} and (int not in kinds or _exact(values)):
        return pl.Series(name, values, dtype=pl.Float64, strict=False)
    if column.kind == "binary" and kinds <= {bytes}:
        return pl.Series(name, values, dtype=pl.Binary)
    texts = pl.Series(name, values if kinds <= {str} else [_text(value) for value in values], dtype=pl.String)
    return texts if column.kind in ("binary", "int64", "float64") else parsed(texts, column)


def _exact(values: list[Any]) -> bool:
    return all(-_EXACT_INTS <= value <= _EXACT_INTS for value in values if isinstance(value, int))


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return "\\x" + value.hex() if isinstance(value, bytes) else repr(value)


def _suspect(rows: list[Row], columns: dict[str, ColumnType]) -> bool:
    """Whether some value may be bytes where text should be, or broken text; cheap, as nearly no batch holds one."""
    for column, values in zip(columns.values(), zip(*rows, strict=True), strict=True):
        kinds = set(map(type, values))
        if (bytes in kinds and column.kind != "binary") or (str in kinds and not _encodable(values)):
            return True
    return False


def _encodable(values: Sequence[Any]) -> bool:
    try:
        "".join(value for value in values if isinstance(value, str)).encode()
    except UnicodeEncodeError:
        return False
    return True


def _no_text(row: Row, columns: dict[str, ColumnType]) -> tuple[str, str, str] | None:
    """Return (column, what is wrong, the bytes) of the first value that is no text where it should be."""
    for (name, column), value in zip(columns.items(), row, strict=True):
        if isinstance(value, bytes) and column.kind != "binary":
            return name, f"{name} holds {len(value)} bytes, which is not {column}", value[:16].hex(" ")
        if isinstance(value, str) and not _encodable([value]):
            raw = value.encode("utf-8", "surrogateescape")
            return name, f"{name} has bytes that are not utf-8", raw[:16].hex(" ")
    return None


def _rejected(
    rows: list[Row],
    bad: dict[int, tuple[str, str, str]],
    columns: dict[str, ColumnType],
    first: int,
    origin: str,
    masked: bool,
) -> pl.DataFrame:
    import polars as pl

    found = [
        {
            ROW: first + at,
            "position": origin,
            "kind": "data",
            "rule": f"type({name})",
            "message": f"row {first + at} {problem}" + ("" if masked else f": {shown}"),
            "raw": None if masked else _json(rows[at], columns),
            "action": "quarantine",
        }
        for at, (name, problem, shown) in bad.items()
    ]
    return pl.DataFrame(found, schema={name: pl.Int64 if name == ROW else pl.String for name in REJECTED})


def _json(row: Row, columns: dict[str, ColumnType]) -> str:
    cells = {
        name: value.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
        if isinstance(value, str)
        else _text(value)
        if isinstance(value, bytes)
        else value
        for name, value in zip(columns, row, strict=True)
    }
    return json.dumps(cells, ensure_ascii=False)
