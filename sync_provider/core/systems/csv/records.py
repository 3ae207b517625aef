"""Where CSV records end, and what is wrong with a record that is not as it should be."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from sync_provider.core.systems.csv.format import CsvFormat

#: more columns than this and the whole-block pattern costs more than it saves
_MAX_PATTERN_COLUMNS = 300


@dataclass(frozen=True, slots=True)
class Record:
    """One record as far as it could be read.

    Args:
        end: where the next one starts.
        cells: its cells, each in regular form (quoted where it must be); None where its quotes are broken.
        problem: what is wrong with its quotes; "" = nothing.
        broken_until: lines that start before here may be the inside of a broken quoted cell.
    """

    end: int
    cells: tuple[bytes, ...] | None
    problem: str = ""
    broken_until: int = 0


@dataclass(frozen=True, slots=True)
class Grammar:
    """A format's records as patterns. A quote opens a cell only where the cell begins; b"" = nothing is quoted."""

    delimiter: bytes
    quote: bytes

    @classmethod
    def of(cls, form: CsvFormat) -> Grammar:
        """Return the grammar of a format."""
        return cls(form.delimiter.encode(), (form.quote or "").encode())

    def regular(self, width: int) -> re.Pattern[bytes]:
        """Return the pattern of one well-formed record with `width` cells, its line end included."""
        return _compiled(_record(self, width).encode())

    def regular_block(self, width: int) -> str | None:
        """Return the pattern, for Rust, of text made of well-formed records only; None where it would be too big."""
        return rf"\A(?:{_record(self, width)})*\z" if width <= _MAX_PATTERN_COLUMNS else None

    def last_end(self, block: bytes) -> int:
        """Return where the last record of `block` ends that is outside quotes by their parity; 0 = none."""
        end = block.rfind(b"\n") + 1
        if not self.quote:
            return end
        inside = block.count(self.quote, 0, end) % 2
        while end and inside:
            before = block.rfind(b"\n", 0, end - 1) + 1
            inside ^= block.count(self.quote, before, end) % 2
            end = before
        return end

    def read(self, block: bytes, start: int) -> Record | None:
        """Read the record at `start`, taking quotes inside unquoted cells as text. None = it ends beyond `block`."""
        cells: list[bytes] = []
        at = start
        while True:
            found = self._quoted(block, at) if self._opens(block, at) else self._plain(block, at)
            if found is None:
                return None
            cell, at = found
            cells.append(cell)
            if at >= len(block) or block[at:] == b"\r":
                return None
            if block.startswith((b"\n", b"\r\n"), at):
                return Record(block.index(b"\n", at) + 1, tuple(cells))
            if not block.startswith(self.delimiter, at):
                return self.broken(block, start, at)
            at += 1

    def broken(self, block: bytes, start: int, until: int | None = None) -> Record | None:
        """Return the line at `start` as a record whose quotes are broken; None = the line ends beyond `block`."""
        end = block.find(b"\n", start) + 1
        if not end:
            return None
        problem = "opens a quote that is never closed" if until is None else "has text after a closing quote"
        return Record(end, None, problem, len(block) if until is None else until)

    def text(self, cell: bytes) -> bytes:
        """Return what a cell in regular form says."""
        if self.quote and cell.startswith(self.quote):
            return cell[1:-1].replace(self.quote * 2, self.quote)
        return cell

    def _opens(self, block: bytes, at: int) -> bool:
        return bool(self.quote) and block.startswith(self.quote, at)

    def _quoted(self, block: bytes, at: int) -> tuple[bytes, int] | None:
        quote = re.escape(self.quote.decode())
        # where the buffer ends within a doubled quote, its first half must not close the cell
        match = _compiled(f"{_quoted(quote)}(?!{quote})".encode()).match(block, at)
        return (match[0], match.end()) if match else None

    def _plain(self, block: bytes, at: int) -> tuple[bytes, int]:
        match = _compiled(b"(?:(?!\r?\n)[^" + re.escape(self.delimiter) + b"])*").match(block, at)
        assert match is not None  # it matches nothing, too
        cell = match[0]
        if self.quote and (self.quote in cell or b"\r" in cell):
            cell = self.quote + cell.replace(self.quote, self.quote * 2) + self.quote
        return cell, match.end()


@lru_cache(maxsize=64)
def _compiled(pattern: bytes) -> re.Pattern[bytes]:
    return re.compile(pattern)


def _quoted(quote: str) -> str:
    return f"{quote}[^{quote}]*(?:{quote}{quote}[^{quote}]*)*{quote}"


def _record(grammar: Grammar, width: int) -> str:
    comma, quote = (re.escape(char.decode()) for char in (grammar.delimiter, grammar.quote))
    cell = rf"[^{quote}{comma}\r\n]*"
    if quote:
        cell = f"(?:{_quoted(quote)}|{cell})"
    return cell + f"(?:{comma}{cell})" * (width - 1) + r"\r?\n"
