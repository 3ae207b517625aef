"""COPY of one batch that takes out, one by one, the rows the server refuses."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sync_provider.core.contracts import DELETED, ROW, LoadSpec
from sync_provider.core.errors import DataError
from sync_provider.core.landing.refused import rejected, shown
from sync_provider.core.systems.postgres.session import PgSession
from sync_provider.core.targets.postgres.encode import lines, to_csv, to_texts

if TYPE_CHECKING:
    import polars as pl

_SAVEPOINT = "sync_batch"
#: after this many refused rows of a batch the rest goes in small pieces, so that many bad rows stay cheap
_MANY = 20
_PIECE_ROWS = 512
_BLOCK_BYTES = 1 << 19
#: a text not of the server's encoding is found while its buffer is read: the line is that of the rows before
_WHOLE_BUFFER = ("22021", "22P05")


class Copier:
    """Copies frames into one table, each batch under a savepoint.

    Args:
        table, schema: where to; schema pg_temp for the staging table.
        staged: whether rows take their ROW along, or else what we add to the target.
    """

    def __init__(self, session: PgSession, spec: LoadSpec, table: str, schema: str | None, *, staged: bool) -> None:
        self._session = session
        self._spec = spec
        self._table = table
        self._schema = schema
        self._staged = staged
        self.rows = 0

    def write(self, frame: pl.DataFrame) -> pl.DataFrame | None:
        """Copy a batch; return the rows the server refused as a REJECTED frame, or None."""
        wanted = self._wanted(frame)
        text = CsvText(wanted)
        refused: list[tuple[int, DataError]] = []
        pieces = [(0, frame.height)] if frame.height else []
        self._session.script(f"SAVEPOINT {_SAVEPOINT}")
        while pieces:
            low, high = pieces.pop()
            if len(refused) > _MANY and high - low > _PIECE_ROWS:
                pieces += [(low + _PIECE_ROWS, high), (low, low + _PIECE_ROWS)]
                continue
            error = self._copy(wanted.columns, text.blocks(low, high))
            if error is None:
                continue
            row = text.row(_line(error, self._table), low, high)
            if high - low == 1 or (row is not None and self._is_sure(error, frame, row)):
                row = low if row is None else row
                refused.append((row, error))
                parts = [(low, row), (row + 1, high)]
            elif row is None:
                parts = [(low, (low + high) // 2), ((low + high) // 2, high)]
            else:
                parts = [(low, row), (row, row + 1), (row + 1, high)]  # alone it shows whether it was this one
            pieces += [(start, end) for start, end in reversed(parts) if start < end]
        self._session.script(f"RELEASE SAVEPOINT {_SAVEPOINT}")
        return self._rejected(frame, sorted(refused, key=lambda item: item[0]))

    def _copy(self, columns: list[str], blocks: Iterator[bytes]) -> DataError | None:
        """Copy some rows and keep them safe from what comes after; or return what the server said against one."""
        try:
            rows = self._session.copy_in(self._table, self._schema, columns, blocks)
        except DataError as error:
            self._session.script(f"ROLLBACK TO SAVEPOINT {_SAVEPOINT}")
            return error
        self._session.script(f"RELEASE SAVEPOINT {_SAVEPOINT}; SAVEPOINT {_SAVEPOINT}")
        self.rows += rows
        return None

    def _is_sure(self, error: DataError, frame: pl.DataFrame, row: int) -> bool:
        """Whether the server named a value that this row holds: what counts lines may count otherwise than we do."""
        context = _copy_line(error.__cause__)
        named = _named(context, list(self._spec.columns))
        if not named:
            return False
        value = to_texts(frame[row].select(named))[named][0]
        return value is not None and context.endswith(f' {named}: "{value}"')

    def _wanted(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return the columns of the table in order; ROW first, or what we add last."""
        import polars as pl

        if self._staged:
            return frame.select(ROW, *self._spec.columns, *([DELETED] if self._spec.deletes else []))
        run_id, at = self._spec.metadata or ("", None)
        added = [pl.lit(run_id).alias("_sync_run_id"), pl.lit(str(at)).alias("_synced_at")]
        return frame.select(*self._spec.columns, *(added if self._spec.metadata else []))

    def _rejected(self, frame: pl.DataFrame, refused: list[tuple[int, DataError]]) -> pl.DataFrame | None:
        """Return refused rows with the server's reasons."""
        if not refused:
            return None
        names = list(self._spec.columns)
        bad = frame[[row for row, _ in refused]]
        texts = to_texts(bad.select(names)).iter_rows(named=True)
        rows = [{ROW: number, **row} for number, row in zip(bad[ROW], texts, strict=True)]
        rules, said = [], []
        for row, (_, error) in zip(rows, refused, strict=True):
            reason, column, constraint = said_of(error, names)
            rules.append(f"target({column or constraint})" if column or constraint else "target")
            said.append((f"{shown(row, [column], self._spec.columns)}: " if column else "") + reason)
        return rejected(rows, self._spec.primary_key, rules, said, kind="data")


class CsvText:
    """A batch as CSV, of which any range of rows can be sent; where rows end is looked for only when it matters."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self._frame = frame
        self._data = to_csv(frame)

    def blocks(self, low: int, high: int) -> Iterator[bytes]:
        """Yield the CSV of rows low to high."""
        first = self._end(low) if low else 0
        last = self._end(high) if high < self._frame.height else len(self._data)
        for start in range(first, last, _BLOCK_BYTES):
            yield self._data[start : min(start + _BLOCK_BYTES, last)]

    def row(self, line: int | None, low: int, high: int) -> int | None:
        """Return which row of low to high a line belongs to, counted from 1 at low; None where it is none."""
        if line is None:
            return None
        # line ends within the first row are not counted: the server does not know yet what ends a line
        row = bisect_left(self._lines, self._lines[low] + line - 1)
        return row if low <= row < high else None

    def _end(self, rows: int) -> int:
        """Return how many bytes the first rows take."""
        return self._breaks[self._lines[rows - 1] - 1]

    @cached_property
    def _lines(self) -> list[int]:
        return lines(self._frame).to_list()

    @cached_property
    def _breaks(self) -> list[int]:
        return [found.end() for found in re.finditer(b"\n", self._data)]


def said_of(error: DataError, columns: list[str]) -> tuple[str, str, str]:
    """Return the server's reason, the column it names (of `columns`, or ''), and the constraint it names."""
    cause: Any = error.__cause__
    reason = str(getattr(cause, "message", "") or error.what).splitlines()[0]
    named = str(getattr(cause, "column_name", "") or "")
    named = named or _named(_copy_line(cause), columns)
    return reason, named if named in columns else "", str(getattr(cause, "constraint_name", "") or "")


def _line(error: DataError, table: str) -> int | None:
    """Return the line of CSV the server stopped at, from 1, or None where it does not say."""
    _, found, rest = _copy_line(error.__cause__).partition(f"COPY {table}")
    number = re.search(r"\d+", rest) if found else None
    if number is None or (error.code in _WHOLE_BUFFER and number.end() == len(rest)):
        return None
    return int(number[0])


def _named(context: str, columns: list[str]) -> str:
    """Return the column a line of context names, or ''."""
    return next((name for name in sorted(columns, key=len, reverse=True) if f" {name}: " in context), "")


def _copy_line(cause: Any) -> str:
    """Return the line of the error's context that speaks of COPY: `COPY t, line 3, column a: "x"`."""
    context = str(getattr(cause, "context", "") or "")
    return next((line for line in context.splitlines() if line.startswith("COPY ")), "")
