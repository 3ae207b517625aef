"""Source `sqlite`: a table, a view or a query of one database file."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import datetime, timezone
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ConfigDict

from sync_provider.core.contracts import Batch, ColumnType, ConnectionLookup, IncrementPlan, Plan, SourceType, Window
from sync_provider.core.errors import CancelledError, ConfigError, DataError
from sync_provider.core.systems import increments, moments, positions
from sync_provider.core.systems.frames import needed
from sync_provider.core.systems.positions import Position
from sync_provider.core.systems.relation import RelationOptions, relation
from sync_provider.core.systems.sqlite import cursor as cursors
from sync_provider.core.systems.sqlite import flags, ordering, reading
from sync_provider.core.systems.sqlite.errors import classify, where
from sync_provider.core.systems.sqlite.names import quote
from sync_provider.core.systems.sqlite.session import path_of
from sync_provider.core.systems.sqlite.types import query_columns, table_columns

log = logging.getLogger(__name__)

_TIMES = ("date", "timestamp", "timestamptz", "text")


class SqliteSourceOptions(BaseModel):
    """Keys under `source:`: none."""

    model_config = ConfigDict(extra="forbid")


class SqliteSource:
    """Reads one table, view or query of one database file."""

    def __init__(self, plan: Plan, connections: ConnectionLookup) -> None:
        self._plan = plan
        self._info = connections(plan.source.connection or "")
        self._table, self._query = relation(plan)
        self._connection: sqlite3.Connection | None = None
        self._stopped = False
        self._columns: dict[str, ColumnType] | None = None

    def ping(self) -> None:
        """Open the file and read no row of what will be read; by flag, try whether rows may be claimed."""
        wanted = ", ".join(map(quote, needed(self._plan, self.columns())))
        self._rows(f"SELECT {wanted} FROM {self._from()} LIMIT 0")
        increment = self._plan.increment
        if increment is None:
            return
        self._cursor(increment)
        if increment.strategy == "flag":
            with self._failing():
                flags.check(self._open(), self._plan, increment, self._from())

    def columns(self) -> dict[str, ColumnType]:
        """Return the columns in order, with the types they are declared as."""
        if self._columns is None:
            with self._failing():
                connection = self._open()
                found = (
                    query_columns(connection, self._query) if self._query else table_columns(connection, self._table)
                )
            if found is None:
                raise self._no_table()
            self._columns = found
        return dict(self._columns)

    def window(self, kind: str, since: str | None, until: str | None) -> Window:
        """Fix the bounds; see `Source.window`. Strategy `flag` claims what is pending."""
        increment = self._plan.increment
        if increment is None:
            return Window("full")
        column = self._cursor(increment)
        if increment.strategy == "flag":
            with self._failing():
                rows = flags.claim(self._open(), increment, self._from(), self._plan.where)
            log.info("interface %r: claimed %d rows of %s", self._plan.id, rows, self._origin)
            return increments.flag_window(kind)
        if increment.strategy == "key":
            order = increments.order_of(increment, column)
            # one writer at a time: who commits later has written later
            return increments.key_window(self._plan, kind, (since, until), order, self._newest_key, lambda: True)
        return self._by_time(increment, column, kind, since, until)

    def _by_time(
        self, increment: IncrementPlan, column: ColumnType, kind: str, since: str | None, until: str | None
    ) -> Window:
        zone = "UTC" if column.kind == "timestamptz" else moments.cursor_zone(self._plan, increment)
        first = moments.bound(self._plan, "incremental.start", increment.start)
        since, until = moments.bound(self._plan, "since", since), moments.bound(self._plan, "until", until)
        clock = datetime.now(timezone.utc)
        now = moments.naive(clock.isoformat(), zone)
        if kind in ("backfill", "manual"):
            end = moments.naive(until, zone) if until else now
            return Window(kind, moments.naive(since, zone) if since else None, end)
        newest, known = self._newest(now), None if kind == "full" else since or first
        start = moments.naive(known, zone) if known else None
        newest = cursors.later(newest, start)
        checkpoint = cursors.earlier(newest, moments.repeated_since(clock, zone))
        lag = 0.0 if since in (None, first) else increment.lag_s
        return Window(kind, moments.earlier(start, lag, zone) if start else None, newest, checkpoint)

    def read(self, window: Window, after: str = "") -> Iterator[Batch]:
        """Yield the window's rows; a column with a value that is not of its type is String in that batch.

        Where chunks are committed, they come in the order of the table's primary key, so that `after` can go on.
        """
        if not increments.never_empty(self._plan, window):
            return
        key = self._resume_key()
        begin = Position.read(after, self._plan, self._origin, key)
        names = positions.ordered_columns(needed(self._plan, self.columns()), key, list(self.columns()))
        columns = {name: self.columns()[name] for name in names}
        sql, values = self._select(window, names, key, begin)
        total, row = self._estimate(window), begin.row + 1
        with self._failing(), closing(reading.batches(self._open(), sql, values, self._plan.batch_rows)) as batches:
            for rows in batches:
                frame, bad = reading.frame(rows, columns, row, self._origin, bool(self._plan.mask))
                row += len(rows)
                last = tuple(rows[-1][names.index(name)] for name in key)
                position = Position(row - 1, last, key).text() if key and ordering.speakable(last) else ""
                yield Batch(frame, origin=self._origin, bad=bad, total=total, position=position)
                if self._stopped:
                    raise self._cancelled()

    def _select(
        self, window: Window, names: list[str], key: tuple[str, ...], begin: Position
    ) -> tuple[str, dict[str, Any]]:
        terms, values = self._bounds(window)
        if begin.key:
            behind, more = ordering.behind(key, begin.key)
            terms, values = [*terms, behind], {**values, **more}
        order = ordering.order_by(key) if key else ""
        return f"SELECT {', '.join(map(quote, names))} FROM {self._from()}{self._where(terms)}{order}", values

    def _resume_key(self) -> tuple[str, ...]:
        if self._query or not positions.resumable(self._plan):
            return ()
        with self._failing():
            return ordering.resume_key(self._open(), self._table)

    def ack(self) -> None:
        """Call done what a run by flag has claimed; nothing to tell a table otherwise."""
        increment = self._plan.increment
        if increment is not None and increment.strategy == "flag":
            with self._failing():
                flags.finish(self._open(), increment, self._from(), self._plan.where)

    def cancel(self) -> None:
        """Interrupt what runs; later calls raise CancelledError."""
        self._stopped = True
        connection = self._connection
        if connection is not None:
            with suppress(sqlite3.ProgrammingError):  # closed meanwhile
                connection.interrupt()

    def close(self) -> None:
        """Close the file."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    @property
    def _origin(self) -> str:
        return self._plan.interface if self._query else self._table

    def _open(self) -> sqlite3.Connection:
        if self._stopped:
            raise self._cancelled()
        if self._connection is None:
            self._connection = reading.open_to_read(self._info)
        return self._connection

    def _cancelled(self) -> CancelledError:
        return CancelledError(f"interface {self._plan.id!r}: reading {self._origin} was cancelled")

    @contextmanager
    def _failing(self) -> Iterator[None]:
        """Turn SQLite's errors into ours."""
        try:
            yield
        except sqlite3.Error as error:
            raise (self._cancelled() if self._stopped else classify(error, self._info, path_of(self._info))) from error

    def _rows(self, sql: str, values: dict[str, str] | None = None) -> list[tuple[Any, ...]]:
        with self._failing():
            return self._open().execute(sql, values or {}).fetchall()

    def _from(self) -> str:
        return f"({self._query}\n) AS source" if self._query else quote(self._table)

    def _where(self, terms: list[str]) -> str:
        """Return the WHERE clause: the plan's own words in brackets, then ours."""
        terms = [f"({self._plan.where}\n)", *terms] if self._plan.where else terms
        return " WHERE " + " AND ".join(terms) if terms else ""

    def _cursor(self, increment: IncrementPlan) -> ColumnType:
        found = self.columns().get(increment.cursor)
        if increment.strategy == "key":
            increments.key_order(self._plan, found, self._origin)
        elif found is None or (increment.strategy == "timestamp" and found.kind not in _TIMES):
            what = "is not there" if found is None else f"is {found.raw or found}"
            raise ConfigError(
                f"interface {self._plan.id!r}: cursor {increment.cursor!r} of {self._origin} {what}",
                fix="name a column with dates or times as ISO text in `incremental.cursor`"
                + (", or write `strategy: key`" if found and found.kind == "int64" else ""),
            )
        assert found is not None
        return found

    def _bounds(self, window: Window) -> tuple[list[str], dict[str, Any]]:
        increment = self._plan.increment
        if window.kind == "full" or increment is None:
            return [], {}
        name = quote(increment.cursor)
        if increment.strategy == "flag":
            return [f"{name} = :sync_flag"], {"sync_flag": increment.claimed}
        if increment.strategy == "key":
            terms, values = cursors.key_bounds(name, window, increments.order_of(increment, self._cursor(increment)))
            return terms, dict(values)
        times, texts = cursors.bounds(name, window)
        return times, dict(texts)

    def _newest_key(self) -> str | None:
        """Return the greatest key; None = there is none."""
        increment = self._plan.increment
        assert increment is not None
        order = increments.order_of(increment, self._cursor(increment))
        summary = cursors.key_summary(quote(increment.cursor), order)
        newest, never = self._rows(f"SELECT {summary} FROM {self._from()}{self._where([])}")[0]
        if never:
            self._say_what_is_never_read(never, f"no key in {increment.cursor}")
        return None if newest is None else str(newest)

    def _say_what_is_never_read(self, rows: int, why: str) -> None:
        log.warning("interface %r: %s rows of %s have %s; only full runs read them",
                    self._plan.id, rows, self._origin, why)  # fmt: skip

    def _newest(self, now: str) -> str | None:
        """Return the greatest cursor that is not in the future; None = there is none."""
        assert self._plan.increment is not None
        name = self._plan.increment.cursor
        sql = f"SELECT {cursors.summary(quote(name))} FROM {self._from()}{self._where([])}"
        newest, never, foreign = self._rows(sql, {"sync_now": now})[0]
        if foreign:
            raise DataError(
                f"interface {self._plan.id!r}: cursor {name!r} of {self._origin} holds {foreign} times of other zones "
                "than UTC, which text does not order",
                fix=f"use `query:` with `datetime({name}) AS {name}`",
            )
        if never:
            self._say_what_is_never_read(never, f"no time in {name}")
        return None if newest is None else str(newest)

    def _estimate(self, window: Window) -> int | None:
        if window.kind != "full" or self._query or self._plan.where:
            return None
        with self._failing():
            return reading.estimated_rows(self._open(), self._table)

    def _no_table(self) -> ConfigError:
        names = [str(row[0]) for row in self._rows("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")]
        near = get_close_matches(self._table, names, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else "" if names else "; the database holds no table at all"
        return ConfigError(
            f"{where(self._info, path_of(self._info))}: table {self._table!r} does not exist{hint}",
            fix="correct `table:`",
        )


SOURCE = SourceType(
    type="sqlite",
    open=SqliteSource,
    source_options=SqliteSourceOptions,
    interface_options=RelationOptions,
    incremental=("timestamp", "key", "flag"),
    where=True,
)
