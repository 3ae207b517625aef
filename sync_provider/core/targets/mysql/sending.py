"""Rows of a batch into one MySQL table by LOAD DATA or INSERT; what the server refuses is taken out row by row."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sync_provider.core.contracts import DELETED, ROW, LoadSpec
from sync_provider.core.errors import DataError
from sync_provider.core.landing.refused import rejected, shown
from sync_provider.core.systems.mysql.errors import message_of
from sync_provider.core.systems.mysql.names import listed, quote
from sync_provider.core.systems.mysql.session import MySqlSession
from sync_provider.core.targets.mysql.catalogue import Table
from sync_provider.core.targets.mysql.encode import faults, to_lines, to_stored, to_texts

if TYPE_CHECKING:
    import polars as pl

_SAVEPOINT = "sync_batch"
#: after this many refused rows of a batch the rest goes in small pieces, so that many bad rows stay cheap
_MANY = 20
_PIECE_ROWS = 512
#: fewer rows than this go by INSERT, which says at once what is wrong
_FEW = 8
#: rows and bytes of one INSERT
_INSERT_ROWS = 1_000
_INSERT_BYTES = 1 << 20
_AT_ROW = re.compile(r" at row (\d+)$")
_COLUMN = re.compile(r"column [`'\"](?:.*[`'\"]\.[`'\"])?(.+?)[`'\"](?: at row|$|\s)", re.IGNORECASE)
_CONSTRAINT = re.compile(r"(?:CONSTRAINT|for key|constraint) [`'\"](.+?)[`'\"]")
#: (reason, column or '', constraint or '')
Reason = tuple[str, str, str]


class Sender:
    """Sends frames into one table, each batch under a savepoint.

    Args:
        target: where to, qualified and quoted.
        staged: whether rows take their ROW along, or else what we add to the target.
        infile: whether LOAD DATA LOCAL may be used.
    """

    def __init__(
        self, session: MySqlSession, spec: LoadSpec, table: Table, target: str, *, staged: bool, infile: bool
    ) -> None:
        self._session = session
        self._spec = spec
        self._table = table
        self._target = target
        self._staged = staged
        self._infile = infile
        self._free = (tuple(spec.columns) if spec.deletes else spec.primary_key) if staged else ()
        self.rows = 0

    def write(self, frame: pl.DataFrame) -> pl.DataFrame | None:
        """Send a batch; return the rows the server refuses, or would not keep as they are, or None."""
        wanted = self._wanted(frame)
        refused: dict[int, Reason] = {
            row: (said, column, "") for row, column, said in faults(wanted, self._table.columns, self._free)
        }
        places = [row for row in range(wanted.height) if row not in refused] if refused else range(wanted.height)
        stored = to_stored(wanted[list(places)] if refused else wanted)
        self._send(stored, places, refused)
        return self._rejected(frame, refused)

    def _send(self, stored: pl.DataFrame, places: Sequence[int], refused: dict[int, Reason]) -> None:
        """Send all that the server takes; add what it refuses to `refused`, by its place in the batch."""
        known = len(refused)
        pieces = self._pieces(stored)
        self._session.script(f"SAVEPOINT {_SAVEPOINT}")
        while pieces:
            low, high = pieces.pop()
            if len(refused) - known > _MANY and high - low > _PIECE_ROWS:
                pieces += [(low + _PIECE_ROWS, high), (low, low + _PIECE_ROWS)]
                continue
            said = self._put(stored.slice(low, high - low))
            if not said:
                self.rows += high - low
                self._session.script(f"SAVEPOINT {_SAVEPOINT}")
                continue
            self._session.script(f"ROLLBACK TO SAVEPOINT {_SAVEPOINT}")
            if high - low == 1:
                refused[places[low]] = reason_of(said[0], list(self._spec.columns))
            else:
                pieces += reversed(_parts(low, high, _suspects(said, low, high)))
        self._session.script(f"RELEASE SAVEPOINT {_SAVEPOINT}")

    def _pieces(self, stored: pl.DataFrame) -> list[tuple[int, int]]:
        rows = stored.height
        if self._infile or not rows:
            return [(0, rows)] if rows else []
        step = max(1, min(_INSERT_ROWS, int(_INSERT_BYTES / (stored.estimated_size() / rows + 1))))
        return [(low, min(low + step, rows)) for low in range(0, rows, step)][::-1]

    def _put(self, part: pl.DataFrame) -> list[str]:
        """Send some rows; return what the server told of them, nothing where all are as they were sent."""
        try:
            if self._infile and part.height >= _FEW:
                count, told = self._session.load_data(self._load_sql(part), to_lines(part))
            else:
                head = f"INSERT INTO {self._target} ({listed(part.columns)}) VALUES"
                count, told = self._session.insert(head, self._rows(part))
        except DataError as error:
            return [message_of(error.__cause__ or error)]
        if not told and count != part.height:
            return [f"the server took {count} of {part.height} rows"]
        return [each.message for each in told]

    def _load_sql(self, part: pl.DataFrame) -> LoadStatement:
        import polars as pl

        names, sets = [], []
        for index, (name, kind) in enumerate(part.schema.items()):
            cast = "unhex({})" if kind == pl.Binary else "CAST({} AS UNSIGNED)" if self._is_bits(name) else ""
            names.append(f"@v{index}" if cast else quote(name))
            if cast:
                sets.append(f"{quote(name)} = {cast.format(f'@v{index}')}")
        return LoadStatement(self._target, ", ".join(names), ", ".join(sets))

    def _rows(self, part: pl.DataFrame) -> list[tuple[str | bytes | int | None, ...]]:
        bits = [self._is_bits(name) for name in part.columns]
        if not any(bits):
            return part.rows()
        return [
            tuple(int(value) if bit and value is not None else value for bit, value in zip(bits, row, strict=True))
            for row in part.iter_rows()
        ]

    def _is_bits(self, name: str) -> bool:
        return name in self._table.columns and self._table.columns[name].raw.startswith("bit")

    def _wanted(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return the columns of the table in order; ROW first, or what we add last."""
        import polars as pl

        if self._staged:
            return frame.select(ROW, *self._spec.columns, *([DELETED] if self._spec.deletes else []))
        run_id, at = self._spec.metadata or ("", None)
        added = [pl.lit(run_id).alias("_sync_run_id"), pl.lit(at, pl.Datetime("us", "UTC")).alias("_synced_at")]
        return frame.select(*self._spec.columns, *(added if self._spec.metadata else []))

    def _rejected(self, frame: pl.DataFrame, refused: dict[int, Reason]) -> pl.DataFrame | None:
        """Return refused rows with the server's reasons."""
        if not refused:
            return None
        numbers = sorted(refused)
        bad = frame[numbers]
        texts = to_texts(bad.select(list(self._spec.columns))).iter_rows(named=True)
        rows = [{ROW: number, **row} for number, row in zip(bad[ROW], texts, strict=True)]
        rules, said = [], []
        for row, number in zip(rows, numbers, strict=True):
            reason, column, constraint = refused[number]
            rules.append(f"target({column or constraint})" if column or constraint else "target")
            said.append((f"{shown(row, [column], self._spec.columns)}: " if column else "") + reason)
        return rejected(rows, self._spec.primary_key, rules, said, kind="data")


class LoadStatement:
    """LOAD DATA into one table, once it knows the file.

    Args:
        names: columns and variables, in the order of the fields.
        sets: how columns are made of variables; '' = none is.
    """

    def __init__(self, target: str, names: str, sets: str) -> None:
        self._target = target
        self._names = names
        self._sets = f" SET {sets}" if sets else ""

    def __call__(self, path: str) -> str:
        """Return the statement; `path` is a literal."""
        return (
            f"LOAD DATA LOCAL INFILE {path} INTO TABLE {self._target} CHARACTER SET utf8mb4 FIELDS TERMINATED BY '\t' "
            f"ENCLOSED BY '' ESCAPED BY '\\' LINES TERMINATED BY '\n' ({self._names}){self._sets}"
        )


def reason_of(message: str, columns: list[str]) -> Reason:
    """Return the server's reason, the column it names (of `columns`, or ''), and the constraint it names."""
    named = _COLUMN.search(message)
    column = named[1] if named and named[1] in columns else ""
    constraint = _CONSTRAINT.search(message)
    return _AT_ROW.sub("", message), column, constraint[1] if constraint else ""


def _suspects(said: list[str], low: int, high: int) -> list[int]:
    """Return the rows that are named; after a row that was left out the server counts otherwise than we do."""
    found = []
    for message in said:
        match = _AT_ROW.search(message)
        if match is None:
            break
        found.append(low + int(match[1]) - 1)
    return sorted({row for row in found if low <= row < high})


def _parts(low: int, high: int, suspects: list[int]) -> list[tuple[int, int]]:
    """Return the pieces to try next: the named rows alone, what lies between them together; else two halves."""
    if not suspects:
        middle = (low + high) // 2
        return [(low, middle), (middle, high)]
    parts, start = [], low
    for row in suspects:
        parts += [(start, row), (row, row + 1)]
        start = row + 1
    return [(first, last) for first, last in [*parts, (start, high)] if first < last]
