"""Source `file`: CSV files in a folder, one interface per file pattern."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from sync_provider.core.contracts import (
    REJECTED,
    ROW,
    Batch,
    ColumnType,
    ConnectionLookup,
    Plan,
    SourceType,
    Window,
)
from sync_provider.core.errors import CancelledError, DataError, SkippedError
from sync_provider.core.systems.csv.folder import matching, source_folder
from sync_provider.core.systems.csv.format import CsvFormat
from sync_provider.core.systems.csv.place import FilePlace, fingerprint
from sync_provider.core.systems.csv.reader import BadRow, Block, CsvReader
from sync_provider.core.systems.frames import needed, resized

if TYPE_CHECKING:
    import polars as pl

_TEXT = ColumnType("text")


class FileSourceOptions(BaseModel):
    """Keys under `source:`."""

    model_config = ConfigDict(extra="forbid")

    path: str = Field(description="Folder with the files; relative to the folder that holds `config/`.")


class FileInterfaceOptions(BaseModel):
    """Keys of an interface."""

    model_config = ConfigDict(extra="forbid")

    files: str = Field(description='File names by pattern, e.g. "orders_*.csv"; read in the order of their names.')
    format: CsvFormat = Field(default=CsvFormat(), description="How the files are written.")
    missing: Literal["error", "ok"] = Field(default="error", description="What no matching file means.")


class FileSource:
    """Reads all files of one interface, one after the other."""

    def __init__(self, plan: Plan, connections: ConnectionLookup) -> None:
        options: dict[str, Any] = dict(plan.source.options)
        place = FileSourceOptions.model_validate({"path": options.pop("path", None)})
        self._plan = plan
        self._folder = source_folder(plan.config_file, place.path)
        self._options = FileInterfaceOptions.model_validate(options)
        self._stopped = threading.Event()
        self._files: list[Path] | None = None
        self._columns: dict[str, ColumnType] | None = None

    def ping(self) -> None:
        """Find the files and read the first header. Raises SkippedError where none is there and none need be."""
        if not self._found():
            raise SkippedError(f"interface {self._plan.id!r}: no file matches {self._options.files!r} (`missing: ok`)")
        self.columns()

    def columns(self) -> dict[str, ColumnType]:
        """Return the columns of the first file, all text; with no file at all, those that `columns:` names."""
        if self._columns is None:
            names = [column.name for column in self._plan.columns if column.expr is None]
            files = self._found()
            if files:
                reader = CsvReader(files[0], self._options.format)
                reader.close()
                names = list(reader.columns)
            self._columns = dict.fromkeys(names, _TEXT)
        return dict(self._columns)

    def window(self, kind: str, since: str | None, until: str | None) -> Window:
        """Return the whole: files are always read in full."""
        return Window("full")

    def read(self, window: Window, after: str = "") -> Iterator[Batch]:
        """Yield the rows of every file in the order of their names; no batch spans two files."""
        files = self._found()
        begin = FilePlace.read(after, files) if after else FilePlace(0, "", 0, 0, 0)
        progress = _Progress([path.stat().st_size for path in files], begin.before)
        progress.done_bytes = sum(progress.sizes[: begin.index])
        seen = ""
        for index in range(begin.index, len(files)):
            path = files[index]
            reader = CsvReader(path, self._options.format)
            start = begin if index == begin.index else replace(begin, good=0, bad=0)
            seen = begin.seen if after and index == begin.index else fingerprint(path, seen)
            place = replace(start, index=index, seen=seen, before=progress.rows)
            try:
                yield from self._read_file(path, reader, progress, place)
            finally:
                reader.close()
            progress.finished(path, reader)

    def ack(self) -> None:
        """Nothing to tell a file."""

    def cancel(self) -> None:
        """Stop at the next block."""
        self._stopped.set()

    def close(self) -> None:
        """Stop whatever is still reading."""
        self._stopped.set()

    def _found(self) -> list[Path]:
        if self._files is None:
            self._files = matching(self._folder, self._options.files, self._options.missing == "ok", self._plan.id)
        return self._files

    def _read_file(self, path: Path, reader: CsvReader, progress: _Progress, place: FilePlace) -> Iterator[Batch]:
        """Yield the rows of one file behind a place in it."""
        names = self._check_header(path, reader.columns)
        before = progress.rows
        pieces = (_behind(block, place) for block in self._blocks(reader))
        for frame, bad in resized(pieces, self._plan.batch_rows):
            first = frame[ROW][0] if frame.height else 0
            good = int(frame[ROW][-1]) if frame.height else place.good
            place = replace(place, good=good, bad=bad[-1].row if bad else place.bad)
            yield Batch(
                frame.select(*names, (frame[ROW] + before).alias(ROW)),
                origin=path.name,
                first_line=first,
                bad=self._rejected(bad, path.name, before) if bad else None,
                total=progress.total(path, reader),
                position=place.text(),
            )

    def _blocks(self, reader: CsvReader) -> Iterator[Block]:
        for block in reader.blocks():
            if self._stopped.is_set():
                raise CancelledError(f"interface {self._plan.id!r}: reading files was cancelled")
            yield block

    def _check_header(self, path: Path, header: tuple[str, ...]) -> list[str]:
        """Return the columns to take from this file, in the first file's order."""
        wanted = needed(self._plan, self.columns())
        extra = [name for name in needed(self._plan, header) if name not in self.columns()]
        for missing in (name for name in wanted if name not in header):
            near = next((name for name in extra if name.strip().lower() == missing.strip().lower()), None)
            raise DataError(
                f"file {path.name}: column {missing!r} is missing, got {', '.join(map(repr, header))}",
                fix=f"rename {near!r} in the file" if near else "add the column to the file, or move the file away",
            )
        if extra:
            raise DataError(
                f"file {path.name}: column {extra[0]!r} is not in the first file, {self._found()[0].name}",
                fix=f"make the headers equal, or leave it out with `columns: {{{extra[0]}: {{drop: true}}}}`",
            )
        return wanted

    def _rejected(self, bad: list[BadRow], origin: str, before: int) -> pl.DataFrame:
        """Return bad rows as a rejected frame; where anything is masked, their hash stands for their text."""
        import polars as pl

        masked = bool(self._plan.mask)
        rows = [
            {
                ROW: before + row.row,
                "position": f"{origin}:{row.row}",
                "kind": "data",
                "rule": "csv",
                "message": row.message if masked or not row.detail else f"{row.message}: {row.detail}",
                "data": _json("sha256", hashlib.sha256(row.text.encode()).hexdigest()) if masked else None,
                "raw": None if masked else _json("text", row.text),
                "action": "quarantine",
            }
            for row in bad
        ]
        return pl.DataFrame(rows, schema={name: pl.Int64 if name == ROW else pl.String for name in REJECTED})


def _behind(block: Block, place: FilePlace) -> tuple[pl.DataFrame, list[BadRow]]:
    """Return what of a block lies behind a place."""
    if not (place.good or place.bad):
        return block.frame, block.bad
    return block.frame.filter(block.frame[ROW] > place.good), [row for row in block.bad if row.row > place.bad]


@dataclass
class _Progress:
    """Rows so far, and how many to expect from the share of bytes read."""

    sizes: list[int]
    rows: int = 0
    done_bytes: int = 0

    def total(self, path: Path, reader: CsvReader) -> int | None:
        share = self.done_bytes + reader.bytes_read
        packed = path.suffix in (".gz", ".zst")
        return None if packed or not share else round((self.rows + reader.rows) * sum(self.sizes) / share)

    def finished(self, path: Path, reader: CsvReader) -> None:
        self.rows += reader.rows
        self.done_bytes += path.stat().st_size


def _json(key: str, value: str) -> str:
    return json.dumps({key: value}, ensure_ascii=False)


SOURCE = SourceType(
    type="file",
    open=FileSource,
    source_options=FileSourceOptions,
    interface_options=FileInterfaceOptions,
    needs_connection=False,
)
