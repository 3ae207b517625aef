"""`limit:` and `targets:` of an environment: stop reading after some rows, write nowhere else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

from sync_provider.core.contracts import ROW, Batch, ColumnType, Plan, Source, Window
from sync_provider.core.errors import ConfigError


class LimitedSource:
    """A source that yields the first rows only, and whose runs leave the checkpoint and the source as they are."""

    def __init__(self, source: Source, limit: int) -> None:
        self._source = source
        self._limit = limit

    def ping(self) -> None:
        """See `Source.ping`."""
        self._source.ping()

    def columns(self) -> dict[str, ColumnType]:
        """See `Source.columns`."""
        return self._source.columns()

    def window(self, kind: str, since: str | None, until: str | None) -> Window:
        """Fix the bounds as those of a backfill: such a run moves no checkpoint, and appended rows are replaced."""
        window = self._source.window(kind, since, until)
        return replace(window, kind="backfill", checkpoint=None) if window.until is not None else window

    def read(self, window: Window, after: str = "") -> Iterator[Batch]:
        """Yield the first rows; nothing goes on behind them, so no batch has a position."""
        left = self._limit
        with closing(self._source.read(window)) as batches:  # type: ignore[type-var]  # a generator
            for batch in batches:
                first = _first(batch, left)
                left -= _rows(first)
                yield replace(first, total=None if batch.total is None else min(batch.total, self._limit), position="")
                if left <= 0:
                    return

    def ack(self) -> None:
        """Say nothing: rows beyond the limit were not read."""

    def cancel(self) -> None:
        """See `Source.cancel`."""
        self._source.cancel()

    def close(self) -> None:
        """See `Source.close`."""
        self._source.close()


def _rows(batch: Batch) -> int:
    return batch.frame.height + (batch.bad.height if batch.bad is not None else 0)


def _first(batch: Batch, rows: int) -> Batch:
    """Return a batch's first rows, good and bad ones together in the order they were read."""
    if _rows(batch) <= rows:
        return batch
    if batch.bad is None:
        return replace(batch, frame=batch.frame.head(rows))
    import polars as pl

    numbers = pl.concat([batch.frame[ROW], batch.bad[ROW]]).sort()
    last = numbers[rows - 1]
    return replace(
        batch, frame=batch.frame.filter(batch.frame[ROW] <= last), bad=batch.bad.filter(batch.bad[ROW] <= last)
    )


def limit_notes(plan: Plan) -> list[str]:
    """Return what the report of a limited run says."""
    if plan.limit is None:
        return []
    return [f"limit: at most {plan.limit:,} rows are read; the checkpoint stays where it is"]


def refuse_writing(plan: Plan, connection: str | None) -> None:
    """Refuse to write into a connection that the environment does not list, whatever the plan says otherwise.

    Raises:
        ConfigError: it is not one of `targets:`.
    """
    if plan.targets is not None and connection not in plan.targets:
        raise ConfigError(
            f"interface {plan.id!r}: environment {plan.environment!r} may not write connection {connection!r}",
            fix=f"write into {' or '.join(plan.targets)}, or list it under `targets:` of the environment",
        )
