"""Source `mysql`: a table, a view or a query of a MySQL or MariaDB database, read unbuffered in one snapshot."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from sync_provider.core.contracts import Batch, ColumnType, ConnectionLookup, Plan, SourceType, Window
from sync_provider.core.errors import CancelledError, DataError
from sync_provider.core.systems import increments, positions
from sync_provider.core.systems.frames import needed
from sync_provider.core.systems.mysql import flags, reading
from sync_provider.core.systems.mysql.cursors import MyCursor, Place
from sync_provider.core.systems.mysql.names import qualified
from sync_provider.core.systems.mysql.types import table_columns
from sync_provider.core.systems.positions import Position
from sync_provider.core.systems.relation import RelationOptions, check_carried, relation
from sync_provider.core.systems.rows import gathered

if TYPE_CHECKING:
    from sync_provider.core.systems.mysql.session import MySqlSession

log = logging.getLogger(__name__)


class MySqlSourceOptions(BaseModel):
    """Keys under `source:`."""

    model_config = ConfigDict(extra="forbid")

    schema_: str | None = Field(default=None, alias="schema", description="Database; else the connection's.")


class MySqlSource:
    """Reads one table, view or query of one database."""

    def __init__(self, plan: Plan, connections: ConnectionLookup) -> None:
        self._plan = plan
        self._info = connections(plan.source.connection or "")
        self._schema: str | None = plan.source.options.get("schema") or None
        self._table, self._query = relation(plan)
        self._session: MySqlSession | None = None
        self._stopped = False
        self._columns: dict[str, ColumnType] | None = None

    def ping(self) -> None:
        """Connect and read no row of what will be read. Raises DataError for a type that cannot be carried."""
        columns = self.columns()
        wanted = needed(self._plan, columns)
        self._refuse_types(wanted)
        self._open().fetch(f"SELECT {reading.selected(wanted, columns)} FROM {self._from()} LIMIT 0")
        cursor = self._cursor()
        if cursor is not None and cursor.increment.strategy == "flag":
            flags.check(self._open(), self._plan, cursor.column, self._from(), self._info)

    def columns(self) -> dict[str, ColumnType]:
        """Return the columns in order, with the types of the catalogue."""
        if self._columns is None:
            session = self._open()
            found = (
                reading.query_columns(session, self._query)
                if self._query
                else table_columns(session, self._schema, self._table)
            )
            if found is None:
                raise reading.no_table(session, self._info, self._schema, self._table)
            self._columns = reading.carried(found)
        return dict(self._columns)

    def window(self, kind: str, since: str | None, until: str | None) -> Window:
        """Fix the bounds; see `Source.window`. Strategy `flag` claims what is pending."""
        cursor = self._cursor()
        if cursor is None:
            return Window("full")
        window = cursor.window(kind, since, until)
        if cursor.increment.strategy == "flag":
            rows = flags.claim(self._open(), cursor.increment, self._from(), self._plan.where, self._flag_key())
            log.info("interface %r: claimed %d rows of %s", self._plan.id, rows, self._origin)
        return window

    def read(self, window: Window, after: str = "") -> Iterator[Batch]:
        """Yield the window's rows; a column with a value that is not of its type is String in that batch.

        Where chunks are committed, they come in the order of the table's primary key, so that `after` can go on.
        """
        if not increments.never_empty(self._plan, window):
            return
        session, known = self._open(), self.columns()
        key = self._resume_key(session)
        names = positions.ordered_columns(needed(self._plan, known), key, list(known))
        self._refuse_types(names)
        columns, at = {name: known[name] for name in names}, [names.index(name) for name in key]
        begin = Position.read(after, self._plan, self._origin, key)
        session.script("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        session.script("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
        try:
            total, row = self._estimate(session, window), begin.row
            # a faster way from the wire to a frame would replace these two lines
            with closing(session.read(self._select(window, names, key, begin))) as chunks:  # type: ignore[type-var]
                for rows in gathered(chunks, self._plan.batch_rows):
                    frame = reading.frame(rows, columns, row + 1)
                    row += len(rows)
                    last = tuple((rows[-1][index] or b"").decode() for index in at)
                    position = Position(row, last, key).text() if key else ""
                    yield Batch(frame, origin=self._origin, total=total, position=position)
        except DataError as error:
            if not self._plan.mask:
                raise
            said = f"interface {self._plan.id!r}: {self._origin} holds a value that its query or view cannot compute"
            raise DataError(f"{said} (error {error.code})", error.fix, error.code) from None  # the server shows it
        finally:
            session.rollback()

    def ack(self) -> None:
        """Call done what a run by flag has claimed; nothing to tell a table otherwise."""
        increment = self._plan.increment
        if increment is not None and increment.strategy == "flag":
            flags.finish(self._open(), increment, self._from(), self._plan.where, self._flag_key())

    def advice(self) -> list[str]:
        """Say what protects increments here."""
        cursor = self._cursor()
        return cursor.advice() if cursor is not None else []

    def cancel(self) -> None:
        """Kill what runs on the server; later calls raise CancelledError."""
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
        if self._query:
            return self._plan.interface
        return f"{self._schema}.{self._table}" if self._schema else self._table

    def _open(self) -> MySqlSession:
        if self._stopped:
            raise CancelledError(f"interface {self._plan.id!r}: reading {self._origin} was cancelled")
        if self._session is None:
            from sync_provider.core.systems.mysql.session import MySqlSession

            self._session = MySqlSession(self._info, interface=self._plan.id, reading=True)
        return self._session

    def _refuse_types(self, names: list[str]) -> None:
        check_carried(self._plan, self._origin, self.columns(), names, "with ST_AsText or a CAST")

    def _cursor(self) -> MyCursor | None:
        increment = self._plan.increment
        if increment is None:
            return None
        place = Place(self._from(), self._origin, self._where)
        return MyCursor.of(self._plan, increment, self.columns().get(increment.cursor), place, self._open)

    def _from(self) -> str:
        return f"({self._query}\n) AS source" if self._query else qualified(self._schema, self._table)

    def _where(self, *terms: str) -> str:
        """Return the WHERE clause: the plan's own words in brackets, then ours."""
        every = [f"({self._plan.where}\n)", *terms] if self._plan.where else list(terms)
        return " WHERE " + " AND ".join(every) if every else ""

    def _select(self, window: Window, names: list[str], key: tuple[str, ...], begin: Position) -> str:
        cursor, columns = self._cursor(), self.columns()
        terms = cursor.terms(window) if cursor is not None else []
        terms += [reading.behind(key, columns, begin.key)] if begin.key else []
        order = reading.order_by(key) if key else ""
        return f"SELECT {reading.selected(names, columns)} FROM {self._from()}{self._where(*terms)}{order}"

    def _resume_key(self, session: MySqlSession) -> tuple[str, ...]:
        if self._query or not positions.resumable(self._plan):
            return ()
        return reading.resume_key(session, self._schema, self._table, self.columns())

    def _flag_key(self) -> flags.Key:
        return flags.key_of(self._open(), self._schema, self._table, self.columns())

    def _estimate(self, session: MySqlSession, window: Window) -> int | None:
        if window.kind != "full" or self._query or self._plan.where:
            return None
        return reading.estimated_rows(session, self._schema, self._table)


SOURCE = SourceType(
    type="mysql",
    open=MySqlSource,
    source_options=MySqlSourceOptions,
    interface_options=RelationOptions,
    incremental=("timestamp", "key", "flag"),
    where=True,
)
