"""Source `postgres`: a table, a view or a query, read by one COPY."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from sync_provider.core.contracts import ROW, Batch, ColumnType, ConnectionLookup, Plan, SourceType, Window
from sync_provider.core.errors import CancelledError, DataError
from sync_provider.core.systems import increments, positions
from sync_provider.core.systems.frames import needed, parsed, resized
from sync_provider.core.systems.positions import Position
from sync_provider.core.systems.postgres import flags, ordering, reading
from sync_provider.core.systems.postgres.cursors import PgCursor, Place
from sync_provider.core.systems.postgres.names import literal, qualified, quote
from sync_provider.core.systems.postgres.types import query_columns, table_columns
from sync_provider.core.systems.relation import RelationOptions, relation

if TYPE_CHECKING:
    import polars as pl

    from sync_provider.core.systems.postgres.session import PgSession

log = logging.getLogger(__name__)


class PostgresSourceOptions(BaseModel):
    """Keys under `source:`."""

    model_config = ConfigDict(extra="forbid")

    schema_: str = Field(default="public", alias="schema", description="Schema of the tables.")


class PostgresSource:
    """Reads one table, view or query of one database."""

    def __init__(self, plan: Plan, connections: ConnectionLookup) -> None:
        self._plan = plan
        self._info = connections(plan.source.connection or "")
        self._schema = str(plan.source.options.get("schema") or "public")
        self._table, self._query = relation(plan)
        self._session: PgSession | None = None
        self._stopped = False
        self._columns: dict[str, ColumnType] | None = None

    def ping(self) -> None:
        """Connect and read no row of what will be read; by flag, try whether rows may be claimed."""
        wanted = ", ".join(map(quote, needed(self._plan, self.columns())))
        session = self._open()
        session.fetch(f"SELECT {wanted} FROM {self._from()} LIMIT 0")
        cursor = self._cursor()
        if cursor is not None and cursor.increment.strategy == "flag":
            flags.check(session, self._plan, cursor.increment, self._from(), self._info)

    def columns(self) -> dict[str, ColumnType]:
        """Return the columns in order, with the types of the catalogue."""
        if self._columns is None:
            session = self._open()
            found = query_columns(session, self._query) if self._query else self._of_table(session)
            self._columns = found
        return dict(self._columns)

    def window(self, kind: str, since: str | None, until: str | None) -> Window:
        """Fix the bounds; see `Source.window`. Strategy `flag` claims what is pending."""
        cursor = self._cursor()
        if cursor is None:
            return Window("full")
        window = cursor.window(kind, since, until)
        if cursor.increment.strategy == "flag":
            rows = flags.claim(self._open(), cursor.increment, self._from(), self._plan.where)
            log.info("interface %r: claimed %d rows of %s", self._plan.id, rows, self._origin)
        return window

    def read(self, window: Window, after: str = "") -> Iterator[Batch]:
        """Yield the window's rows; a column with a value that is not of its type is String in that batch.

        Where chunks are committed, they come in the order of the table's primary key, so that `after` can go on.
        """
        if not increments.never_empty(self._plan, window):
            return
        session = self._open()
        key = self._resume_key(session)
        names = positions.ordered_columns(needed(self._plan, self.columns()), key, list(self.columns()))
        begin = Position.read(after, self._plan, self._origin, key)
        session.script("BEGIN TRANSACTION READ ONLY")
        try:
            total = self._estimate(session, window)
            with closing(session.copy_out(self._select(window, names, key, begin))) as blocks:  # type: ignore[type-var]
                nothing: list[str] = []
                pieces = ((frame, nothing) for frame in reading.frames(blocks, names))
                row = begin.row
                for texts, _ in resized(pieces, self._plan.batch_rows):
                    frame = self._typed(texts, self.columns(), row + 1)
                    row += texts.height
                    position = Position(row, texts.select(key).row(-1), key).text() if key else ""
                    yield Batch(frame, origin=self._origin, total=total, position=position)
        except DataError as error:
            if not self._plan.mask:
                raise
            said = f"interface {self._plan.id!r}: {self._origin} holds a value that its query or view cannot compute"
            raise DataError(f"{said} (SQLSTATE {error.code})", error.fix, error.code) from None  # the server shows it
        finally:
            session.rollback()

    def _select(self, window: Window, names: list[str], key: tuple[str, ...], begin: Position) -> str:
        cursor, columns = self._cursor(), self.columns()
        terms = cursor.terms(window) if cursor is not None else []
        terms += [ordering.behind(key, columns, begin.key)] if begin.key else []
        order = ordering.order_by(key, columns) if key else ""
        return f"SELECT {', '.join(map(quote, names))} FROM {self._from()}{self._where(*terms)}{order}"

    def _resume_key(self, session: PgSession) -> tuple[str, ...]:
        if self._query or not positions.resumable(self._plan):
            return ()
        return ordering.resume_key(session, self._schema, self._table, self.columns())

    def ack(self) -> None:
        """Call done what a run by flag has claimed; nothing to tell a table otherwise."""
        increment = self._plan.increment
        if increment is not None and increment.strategy == "flag":
            flags.finish(self._open(), increment, self._from(), self._plan.where)

    def advice(self) -> list[str]:
        """Say what protects increments here; see `Advising`."""
        cursor = self._cursor()
        return cursor.advice() if cursor is not None else []

    def cancel(self) -> None:
        """Cancel what runs on the server; later calls raise CancelledError."""
        self._stopped = True
        if self._session is not None:
            self._session.cancel()

    def close(self) -> None:
        """Close the connection."""
        session, self._session = self._session, None
        if session is not None:
            session.close()

    @property
    def _origin(self) -> str:
        return self._plan.interface if self._query else f"{self._schema}.{self._table}"

    def _open(self) -> PgSession:
        if self._stopped:
            raise CancelledError(f"interface {self._plan.id!r}: reading {self._origin} was cancelled")
        if self._session is None:
            from sync_provider.core.systems.postgres.session import PgSession

            self._session = PgSession(self._info, interface=self._plan.id)
        return self._session

    def _of_table(self, session: PgSession) -> dict[str, ColumnType]:
        found = table_columns(session, self._schema, self._table)
        if found is None:
            raise reading.no_table(session, self._info, self._schema, self._table)
        return found

    def _cursor(self) -> PgCursor | None:
        increment = self._plan.increment
        if increment is None:
            return None
        relation = "" if self._query else literal(qualified(self._schema, self._table))
        place = Place(self._from(), relation, self._query, self._origin, self._where)
        return PgCursor.of(self._plan, increment, self.columns().get(increment.cursor), place, self._open)

    def _from(self) -> str:
        return f"({self._query}\n) AS source" if self._query else qualified(self._schema, self._table)

    def _where(self, *terms: str) -> str:
        """Return the WHERE clause: the plan's own words in brackets, then ours."""
        every = [f"({self._plan.where}\n)", *terms] if self._plan.where else terms
        return " WHERE " + " AND ".join(every) if every else ""

    def _estimate(self, session: PgSession, window: Window) -> int | None:
        if window.kind != "full" or self._query or self._plan.where:
            return None
        return reading.estimated_rows(session, self._schema, self._table)

    def _typed(self, texts: pl.DataFrame, columns: dict[str, ColumnType], row: int) -> pl.DataFrame:
        import polars as pl

        series = [parsed(texts[name], columns[name], check=False) for name in texts.columns]
        rows = pl.int_range(row, row + texts.height, dtype=pl.Int64, eager=True).alias(ROW)
        return pl.DataFrame([*series, rows]).rechunk()


SOURCE = SourceType(
    type="postgres",
    open=PostgresSource,
    source_options=PostgresSourceOptions,
    interface_options=RelationOptions,
    incremental=("timestamp", "key", "flag"),
    where=True,
)
