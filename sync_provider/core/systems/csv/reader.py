"""One CSV file as String frames in bounded memory; rows that cannot be split into columns come beside them.

Blocks are cut at record ends by quote parity. A block of well-formed UTF-8 records only, proven by one pattern
over the whole block, goes to polars as it is; any other block is walked record by record.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sync_provider.core.contracts import ROW
from sync_provider.core.errors import ConfigError, DataError
from sync_provider.core.systems.csv.format import CsvFormat
from sync_provider.core.systems.csv.records import Grammar, Record
from sync_provider.core.systems.csv.text import chunks, decode

if TYPE_CHECKING:
    import polars as pl

BLOCK_BYTES = 4 << 20
#: a quoted cell still open after this many bytes counts as never closed
_MAX_OPEN_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that is not a row.

    Args:
        row: its number in the file, from 1.
        message: what is wrong, without any value.
        detail: the values that are wrong: undecodable bytes as hex.
        text: the row as it is written, undecodable bytes as `\\xNN`.
    """

    row: int
    message: str
    detail: str
    text: str


@dataclass(frozen=True, slots=True)
class Block:
    """Some rows of one file: a frame of String columns and ROW (number in the file, from 1), and the bad ones."""

    frame: pl.DataFrame
    bad: list[BadRow]


class CsvReader:
    """Reads one file once.

    Args:
        path: the file; `.gz` and `.zst` are unpacked.
        form: how it is written.
    """

    def __init__(self, path: Path, form: CsvFormat) -> None:
        self._path = path
        self._form = form
        self._grammar = Grammar.of(form)
        self._chunks = chunks(path, form.encoding, BLOCK_BYTES)
        self._rest = b""
        self._bytes = 0
        self._at_end = False
        self._row = 1
        self._skip_lines()
        self.columns = self._read_columns()

    @property
    def rows(self) -> int:
        """How many rows were read so far, good and bad."""
        return self._row - 1

    @property
    def bytes_read(self) -> int:
        """How many bytes these rows were, as UTF-8."""
        return self._bytes - len(self._rest)

    def close(self) -> None:
        """Close the file."""
        self._chunks.close()  # type: ignore[attr-defined]  # a generator

    def blocks(self) -> Iterator[Block]:
        """Yield the rows in file order."""
        while self._rest or not self._at_end:
            end = self._grammar.last_end(self._rest)
            if end == 0 and len(self._rest) < 2 * BLOCK_BYTES and not self._at_end:
                self._fill()
                continue
            end = end or len(self._rest)
            block = self._regular(self._rest[:end])
            if block is None:
                block, end = self._walk(self._rest, end)
            self._rest = self._rest[end:]
            if block.frame.height or block.bad:
                self._row += block.frame.height + len(block.bad)
                yield block
            self._fill()

    def _fill(self) -> None:
        chunk = next(self._chunks, None)
        if chunk is not None:
            self._rest += chunk
            self._bytes += len(chunk)
            return
        self._at_end = True
        if self._rest and not self._rest.endswith(b"\n"):
            self._rest += b"\n"

    def _skip_lines(self) -> None:
        for _ in range(self._form.skip_rows):
            while b"\n" not in self._rest and not self._at_end:
                self._fill()
            self._rest = self._rest.partition(b"\n")[2]

    def _read_columns(self) -> tuple[str, ...]:
        record = None
        while record is None and not self._at_end and len(self._rest) < _MAX_OPEN_BYTES:
            self._fill()
            record = self._grammar.read(self._rest, 0) if self._rest else None
        if record is None or record.cells is None:
            problem = "is empty" if not self._rest else "has a first row whose quotes are broken"
            raise DataError(f"file {self._path.name}: {problem}", fix="send the file again, or set format.quote")
        if not self._form.header:
            return tuple(f"column_{number}" for number in range(1, len(record.cells) + 1))
        self._rest = self._rest[record.end :]
        names = tuple(self._name(cell, number) for number, cell in enumerate(record.cells, 1))
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ConfigError(
                f"file {self._path.name}: the header names column {twice!r} twice",
                fix="rename one in the file, or write `format: {header: false, skip_rows: 1}` and use column_1, …",
            )
        return names

    def _name(self, cell: bytes, number: int) -> str:
        name, undecodable = decode(self._grammar.text(cell), self._form.encoding)
        if undecodable:
            raise ConfigError(
                f"file {self._path.name}: the header is not {self._form.encoding}: column {number} is {name!r}",
                fix="set format.encoding to what the file is in, e.g. gb18030, big5 or latin-1",
            )
        if not name.strip() or "\r" in name:
            what = "has no name" if not name.strip() else "has a lone carriage return in its name"
            raise ConfigError(
                f"file {self._path.name}: column {number} of the header {what}",
                fix="name it in the file; rows must end in LF or CRLF, and format.delimiter must be the file's own",
            )
        return name

    def _regular(self, block: bytes) -> Block | None:
        """Return the rows of a block that is well-formed throughout, else None."""
        import polars as pl

        pattern = self._grammar.regular_block(len(self.columns))
        if pattern is None:
            return None
        try:
            text = pl.Series([block], dtype=pl.Binary).cast(pl.String)
            if not text.str.contains(pattern)[0]:
                return None
        except (pl.exceptions.InvalidOperationError, pl.exceptions.ComputeError):
            return None
        frame = self._frame(block)
        return Block(
            frame.with_columns(pl.int_range(self._row, self._row + frame.height, dtype=pl.Int64).alias(ROW)), []
        )

    def _frame(self, block: bytes) -> pl.DataFrame:
        import polars as pl

        form, schema = self._form, dict.fromkeys(self.columns, pl.String)
        if not block:
            return pl.DataFrame(schema=schema)
        frame = pl.read_csv(
            block,
            has_header=False,
            schema=schema,
            infer_schema=False,
            separator=form.delimiter,
            quote_char=form.quote,
        )
        if "" not in form.null_values:
            frame = frame.with_columns(pl.all().fill_null(""))
        words = [word for word in form.null_values if word]
        if words:
            frame = frame.with_columns(pl.when(pl.all().is_in(words)).then(None).otherwise(pl.all()).name.keep())
        return frame

    def _walk(self, block: bytes, end: int) -> tuple[Block, int]:
        """Read a block record by record, up to `end` or to where a record is not complete yet."""
        import polars as pl

        good: list[bytes] = []
        rows: list[int] = []
        bad: list[BadRow] = []
        pattern, width = self._grammar.regular(len(self.columns)), len(self.columns)
        at, row, broken_until = 0, self._row, 0
        while at < end:
            match = pattern.match(block, at)
            record = None if match else self._irregular(block, at)
            if match is None and record is None:
                break
            stop = match.end() if match else record.end if record else at
            raw = block[at:stop]
            problem, detail = self._problem(raw, record, at < broken_until)
            if record is not None:
                broken_until = max(broken_until, record.broken_until)
            at = stop
            if record is not None and record.cells == (b"",) and width > 1:
                continue
            if problem:
                text = decode(raw, self._form.encoding)[0].rstrip("\r\n")
                bad.append(BadRow(row, f"row {row} {problem}", detail, text))
            else:
                good.append(raw if match or record is None else self._joined(record))
                rows.append(row)
            row += 1
        frame = self._frame(b"".join(good)).with_columns(pl.Series(ROW, rows, dtype=pl.Int64))
        return Block(frame, bad), at

    def _irregular(self, block: bytes, at: int) -> Record | None:
        """Read a record that is not well-formed; None = more of the file is needed to tell."""
        record = self._grammar.read(block, at)
        if record is not None or not (self._at_end or len(block) - at > _MAX_OPEN_BYTES):
            return record
        record = self._grammar.broken(block, at)
        if record is None:
            limit = f"{_MAX_OPEN_BYTES >> 20} MB"
            raise DataError(
                f"file {self._path.name}: a line is longer than {limit}",
                fix="check that it is a CSV file with LF or CRLF line ends",
            )
        return record

    def _problem(self, raw: bytes, record: Record | None, doubtful: bool) -> tuple[str, str]:
        """Return what is wrong with a row, and the bytes that are; "" = nothing."""
        width = len(self.columns)
        if undecodable := b"" if raw.isascii() else self._undecodable(raw):
            return f"has bytes that are not {self._form.encoding}", undecodable[:16].hex(" ")
        if record is None:
            return "", ""
        if record.cells is None:
            return record.problem, ""
        if len(record.cells) != width:
            return f"has {len(record.cells)} field{'s' * (len(record.cells) != 1)}, expected {width}", ""
        return "may be the inside of a broken quoted field" if doubtful else "", ""

    def _undecodable(self, raw: bytes) -> bytes:
        try:
            raw.decode()
        except UnicodeDecodeError:
            return decode(raw, self._form.encoding)[1]
        return b""

    def _joined(self, record: Record) -> bytes:
        return self._form.delimiter.encode().join(record.cells or ()) + b"\n"
