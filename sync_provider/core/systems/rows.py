"""Rows of a driver, on their way into batches: how many to fetch, when a batch is full."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

Row = tuple[Any, ...]

#: rows are fetched in chunks of about this size, and a batch goes out when it is this big
_CHUNK_BYTES = 4 << 20
_BATCH_BYTES = 64 << 20
CHUNK_ROWS = 5000


def next_size(chunk: Sequence[Sequence[Any]]) -> int:
    """Return how many rows to fetch next, by the size of those before."""
    return max(1, min(CHUNK_ROWS, _CHUNK_BYTES * len(chunk) // max(size_of(chunk), 1)))


def size_of(chunk: Sequence[Sequence[Any]]) -> int:
    """Return about how many bytes some rows hold."""
    sample = chunk[::16]
    size = sum(len(value) if isinstance(value, (str, bytes)) else 8 for row in sample for value in row)
    return size * len(chunk) // max(len(sample), 1)


def gathered(chunks: Iterable[list[Row]], rows: int) -> Iterator[list[Row]]:
    """Join chunks into lists of `rows` rows, or fewer big ones; the last may be shorter."""
    held: list[Row] = []
    size = 0
    for chunk in chunks:
        held += chunk
        size += size_of(chunk)
        while len(held) >= rows or size >= _BATCH_BYTES:
            yield held[:rows]
            held = held[rows:]
            size = size_of(held) if held else 0
    if held:
        yield held
