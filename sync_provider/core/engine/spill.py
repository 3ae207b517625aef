"""Rejected rows on their way to quarantine: counted, and kept on disk once they are many."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

#: rows held in memory; and how many of a run over its budget are kept as evidence
KEEP = 10_000


class RejectedRows:
    """The rejected rows of one run, in the order they came. Holds only what may be stored: masked rows."""

    def __init__(self) -> None:
        self.rows = 0
        self.by_rule: dict[str, tuple[int, str]] = {}
        self._held: list[pl.DataFrame] = []
        self._held_rows = 0
        self._folder: Path | None = None
        self._files = 0

    def add(self, frame: pl.DataFrame | None, by_rule: Mapping[str, tuple[int, str]] | None = None) -> None:
        """Add rejected rows.

        Args:
            frame: REJECTED columns.
            by_rule: rule → (rows, first message); taken from the frame where it is not given.
        """
        if frame is None or frame.is_empty():
            return
        self.rows += frame.height
        merge_rules(self.by_rule, by_rule if by_rule is not None else count_rules(frame))
        self._held.append(frame)
        self._held_rows += frame.height
        if self._held_rows > KEEP:
            self._to_disk()

    def count(self, rows: int, by_rule: Mapping[str, tuple[int, str]]) -> None:
        """Count rejected rows that are kept elsewhere already."""
        self.rows += rows
        merge_rules(self.by_rule, by_rule)

    def frames(self, limit: int | None = None) -> Iterator[pl.DataFrame]:
        """Yield the rows again, at most `limit` of them."""
        left = self.rows if limit is None else limit
        for frame in self._all():
            if left <= 0:
                return
            yield frame.head(left)
            left -= frame.height

    def close(self) -> None:
        """Remove what was put on disk."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _all(self) -> Iterator[pl.DataFrame]:
        import polars as pl

        for index in range(self._files):
            yield pl.read_ipc(self._path(index))
        yield from self._held

    def _to_disk(self) -> None:
        import polars as pl

        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="sync-rejected-"))
        pl.concat(self._held).write_ipc(self._path(self._files), compression="lz4")
        self._files += 1
        self._held, self._held_rows = [], 0

    def _path(self, index: int) -> Path:
        return Path(self._folder or "") / f"{index:06d}.arrow"


def count_rules(frame: pl.DataFrame) -> dict[str, tuple[int, str]]:
    """Count rejected rows by rule, with the first message of each."""
    import polars as pl

    counted = frame.group_by("rule", maintain_order=True).agg(pl.len(), pl.col("message").first())
    return {rule: (rows, message or "") for rule, rows, message in counted.iter_rows()}


def merge_rules(into: dict[str, tuple[int, str]], more: Mapping[str, tuple[int, str]]) -> None:
    """Add `more` to `into`; the first example seen stays."""
    for rule, (rows, first) in more.items():
        have, example = into.get(rule, (0, first))
        into[rule] = (have + rows, example)
