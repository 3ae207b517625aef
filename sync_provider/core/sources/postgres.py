"""Source `postgres`: a table, a view or a query, read by one COPY."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from sync_provider.core.contracts import ROW, Batch, ColumnType, ConnectionLookup, Plan, SourceType, Window
from sync_provider.core.errors import CancelledError, ConfigError, DataError
from sync_provider.core.systems import moments
from sync_provider.core.systems.frames import needed, parsed, resized
from sync_provider.core.systems.postgres import reading
from sync_provider.core.systems.postgres.names import literal, qualified, quote
from sync_provider.core.systems.postgres.types import query_columns, table_columns
from sync_provider.core.systems.relation import RelationOptions, relation

if TYPE_CHECKING:
    import polars as pl

    from sync_provider.core.systems.postgres.session import PgSession

log = logging.getLogger(__name__)

#: cursor kinds a timestamp increment can use → the type its bounds are compared as
_CURSORS = {"date": "timestamp", "timestamp": "timestamp", "timestamptz": "timestamptz"}


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
        """Connect and read no row of what will be read."""
        wanted = ", ".join(map(quote, needed(self._plan, self.columns())))
        self._open().fetch(f"SELECT {wanted} FROM {self._from()} LIMIT 0")

    def columns(self) -> dict[str, ColumnType]:
        """Return the columns in order, with the types of the catalogue."""
        if self._columns is None:
            session = self._open()
            found = query_columns(session, self._query) if self._query else self._of_table(session)
            self._columns = found
        return dict(self._columns)

    def window(self, kind: str, since: str | None, until: str | None) -> Window:
        """Fix the bounds; see `Source.window`."""
        increment = self._plan.increment
        if increment is None:
            return Window("full")
        zone, aware = moments.cursor_zone(self._plan, increment), self._cursor().kind == "timestamptz"
        since, until = moments.bound(self._plan, "since", since), moments.bound(self._plan, "until", until)

        def fitting(text: str) -> str:
            return moments.aware(text) if aware else moments.naive(text, zone)

        if kind in ("backfill", "manual"):
            end = fitting(until) if until else self._open().fetch(f"SELECT {self._now(zone)}::text AS now")[0]["now"]
            return Window(kind, fitting(since) if since else None, end)
        if kind == "full":
            return Window(kind, None, self._newest(zone, None))
        first = moments.bound(self._plan, "incremental.start", increment.start)
        known = since or first
        start = fitting(known) if known else None
        newest = self._newest(zone, start)
        self._say_what_is_never_read()
        lag = 0.0 if since in (None, first) else increment.lag_s
        return Window(kind, moments.earlier(start, lag) if start else None, newest)

    def read(self, window: Window, after: str = "") -> Iterator[Batch]:
        """Yield the window's rows; a column with a value that is not of its type is String in that batch."""
        columns = self.columns()
        names = needed(self._plan, columns)
        if window.kind == "incremental" and window.until is None:
            return  # there was nothing when the window was fixed
        session = self._open()
        session.script("BEGIN TRANSACTION READ ONLY")
        try:
            total = self._estimate(session, window)
            sql = f"SELECT {', '.join(map(quote, names))} FROM {self._from()}{self._where(window)}"
            with closing(session.copy_out(sql)) as blocks:  # type: ignore[type-var]  # a generator
                nothing: list[str] = []
                pieces = ((frame, nothing) for frame in reading.frames(blocks, names))
                row = 1
                for texts, _ in resized(pieces, self._plan.batch_rows):
                    yield Batch(self._typed(texts, columns, row), origin=self._origin, total=total)
                    row += texts.height
        except DataError as error:
            if not self._plan.mask:
                raise
            said = f"interface {self._plan.id!r}: {self._origin} holds a value that its query or view cannot compute"
            raise DataError(f"{said} (SQLSTATE {error.code})", error.fix, error.code) from None  # the server shows it
        finally:
            session.rollback()

    def ack(self) -> None:
        """Nothing to tell a table."""

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

    def _cursor(self) -> ColumnType:
        increment = self._plan.increment
        assert increment is not None
        found = self.columns().get(increment.cursor)
        if found is None or found.kind not in _CURSORS:
            what = "is not there" if found is None else f"is {found.raw}"
            raise ConfigError(
                f"interface {self._plan.id!r}: cursor {increment.cursor!r} of {self._origin} {what}",
                fix="name a date or timestamp column in `incremental.cursor`",
            )
        return found

    def _from(self) -> str:
        return f"({self._query}\n) AS source" if self._query else qualified(self._schema, self._table)

    def _where(self, window: Window | None, *more: str) -> str:
        """Return the WHERE clause: the plan's own words in brackets, then the window's bounds as literals."""
        terms = [f"({self._plan.where}\n)"] if self._plan.where else []
        if window is not None and window.kind != "full" and self._plan.increment is not None:
            column, kind = quote(self._plan.increment.cursor), _CURSORS[self._cursor().kind]
            below = "<=" if window.includes_until else "<"
            bounds = ((">=", window.since), (below, window.until))
            terms += [f"{column} {sign} {literal(text)}::{kind}" for sign, text in bounds if text is not None]
        terms += more
        return " WHERE " + " AND ".join(terms) if terms else ""

    def _now(self, zone: str) -> str:
        """Return the server's clock as the cursor's type."""
        kind = self._cursor().raw
        return "now()" if self._cursor().kind == "timestamptz" else f"(now() AT TIME ZONE {literal(zone)})::{kind}"

    def _newest(self, zone: str, start: str | None) -> str | None:
        """Return the greatest cursor that is not in the future, but never less than `start`."""
        assert self._plan.increment is not None
        column, kind = quote(self._plan.increment.cursor), _CURSORS[self._cursor().kind]
        known = f"{literal(start)}::{kind}" if start else "NULL"
        here = self._where(None, f"isfinite({column})", f"{column} <= {self._now(zone)}")
        sql = f"SELECT greatest(max({column}), {known})::text AS newest FROM {self._from()}{here}"
        found = self._open().fetch(sql)[0]["newest"]
        return None if found is None else str(found)

    def _say_what_is_never_read(self) -> None:
        """Warn of rows without a cursor: only full runs read them."""
        assert self._plan.increment is not None
        if not self._cursor().nullable:
            return
        name = self._plan.increment.cursor
        inner = f"SELECT 1 FROM {self._from()}{self._where(None, f'{quote(name)} IS NULL')}"
        if self._open().fetch(f"SELECT EXISTS ({inner}) AS some")[0]["some"]:
            log.warning(
                "interface %r: some rows of %s have no %s; only full runs read them", self._plan.id, self._origin, name
            )

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
    incremental=("timestamp",),
    where=True,
)
