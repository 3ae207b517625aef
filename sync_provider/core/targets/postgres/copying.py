"""COPY of one batch that takes out, one by one, the rows the server refuses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sync_provider.core.contracts import ROW, LoadSpec
from sync_provider.core.errors import DataError
from sync_provider.core.systems.postgres.session import PgSession
from sync_provider.core.targets.postgres.encode import lines, to_csv, to_texts
from sync_provider.core.targets.refused import joined, rejected, shown

if TYPE_CHECKING:
    import polars as pl

_SAVEPOINT = "sync_batch"
#: after this many refused rows of a batch the rest goes in small pieces, so that many bad rows stay cheap
_MANY = 20
_PIECE_ROWS = 512


class Copier:
    """Copies frames into one table, each batch under a savepoint.

    Args:
        table, schema: where to; schema pg_temp for the staging table.
        fixed: values of further columns, the same in every row.
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
        bad: list[pl.DataFrame | None] = []
        pieces = [frame]
        while pieces:
            piece = pieces.pop()
            if len(bad) > _MANY and piece.height > _PIECE_ROWS:
                pieces += reversed(list(piece.iter_slices(_PIECE_ROWS)))
                continue
            try:
                self._copy(piece)
            except DataError as error:
                row = _refused_row(error, piece, self._table)
                if row is None and piece.height > 1:
                    half = piece.height // 2
                    pieces += [piece.slice(half), piece.head(half)]
                    continue
                row = row or 0
                bad.append(self._rejected(piece.slice(row, 1), error))
                pieces += [part for part in (piece.slice(row + 1), piece.head(row)) if part.height]
        return joined(bad)

    def _copy(self, frame: pl.DataFrame) -> None:
        self._session.script(f"SAVEPOINT {_SAVEPOINT}")
        wanted = self._wanted(frame)
        try:
            rows = self._session.copy_in(self._table, self._schema, wanted.columns, _blocks(to_csv(wanted)))
        except DataError:
            self._session.script(f"ROLLBACK TO SAVEPOINT {_SAVEPOINT}")
            self._session.script(f"RELEASE SAVEPOINT {_SAVEPOINT}")
            raise
        self._session.script(f"RELEASE SAVEPOINT {_SAVEPOINT}")
        self.rows += rows

    def _wanted(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return the columns of the table in order; ROW first, or what we add last."""
        import polars as pl

        if self._staged:
            return frame.select(ROW, *self._spec.columns)
        run_id, at = self._spec.metadata or ("", None)
        added = [pl.lit(run_id).alias("_sync_run_id"), pl.lit(str(at)).alias("_synced_at")]
        return frame.select(*self._spec.columns, *(added if self._spec.metadata else []))

    def _rejected(self, frame: pl.DataFrame, error: DataError) -> pl.DataFrame | None:
        """Return one refused row with the server's reason."""
        names = list(self._spec.columns)
        row = {ROW: frame[ROW][0], **to_texts(frame.select(names)).row(0, named=True)}
        reason, column, constraint = said_of(error, names)
        value = f"{shown(row, [column], self._spec.columns)}: " if column else ""
        rule = f"target({column or constraint})" if column or constraint else "target"
        return rejected([row], self._spec.primary_key, rule, [value + reason], kind="data")


def said_of(error: DataError, columns: list[str]) -> tuple[str, str, str]:
    """Return the server's reason, the column it names (of `columns`, or ''), and the constraint it names."""
    cause: Any = error.__cause__
    reason = str(getattr(cause, "message", "") or error.what).splitlines()[0]
    named = str(getattr(cause, "column_name", "") or "")
    if not named:
        context = _copy_line(cause)
        named = next((name for name in sorted(columns, key=len, reverse=True) if f" {name}: " in context), "")
    return reason, named if named in columns else "", str(getattr(cause, "constraint_name", "") or "")


def _refused_row(error: DataError, frame: pl.DataFrame, table: str) -> int | None:
    """Return which row of the frame the server stopped at, or None where it does not say."""
    context = _copy_line(error.__cause__)
    _, found, rest = context.partition(f"COPY {table}")
    number = re.search(r"\d+", rest) if found else None
    if number is None:
        return None
    row = int(lines(frame.drop(ROW)).search_sorted(int(number[0]), side="left"))
    return row if row < frame.height else None


def _copy_line(cause: Any) -> str:
    """Return the line of the error's context that speaks of COPY: `COPY t, line 3, column a: "x"`."""
    context = str(getattr(cause, "context", "") or "")
    return next((line for line in context.splitlines() if line.startswith("COPY ")), "")


def _blocks(data: bytes) -> Iterator[bytes]:
    """Cut into blocks that asyncpg sends without holding all of it twice."""
    size = 1 << 19
    view = memoryview(data)
    for start in range(0, len(data), size):
        yield bytes(view[start : start + size])
