"""Source `sql`: a table, a view or a query of any database that SQLAlchemy has a dialect for."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import closing
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from sync_provider.core.contracts import Batch, ColumnType, ConnectionLookup, Plan, SourceType, Window
from sync_provider.core.errors import CancelledError, ConfigError, DataError
from sync_provider.core.systems import increments, moments
from sync_provider.core.systems.frames import needed
from sync_provider.core.systems.positions import Position, ordered_columns, resumable
from sync_provider.core.systems.relation import RelationOptions, check_carried, relation

if TYPE_CHECKING:
    import sqlalchemy as sa

    from sync_provider.core.systems.sql.connect import SqlConnection

log = logging.getLogger(__name__)


class SqlSourceOptions(BaseModel):
    """Keys under `source:`."""

    model_config = ConfigDict(extra="forbid")

    dialect: str | None = Field(
        default=None, description="SQLAlchemy's dialect and driver, such as mssql+pymssql; else the connection's."
    )
    schema_: str | None = Field(default=None, alias="schema", description="Schema of the tables.")


class SqlSource:
    """Reads one table, view or query of one database."""

    def __init__(self, plan: Plan, connections: ConnectionLookup) -> None:
        self._plan = plan
        self._info = connections(plan.source.connection or "")
        self._schema = plan.source.options.get("schema") or None
        self._table, self._query = relation(plan)
        self._connection: SqlConnection | None = None
        self._stopped = False
        self._columns: dict[str, ColumnType] | None = None

    def ping(self) -> None:
        """Connect and read no row of what will be read. Raises DataError for a type that cannot be carried."""
        self._refuse_types(names := needed(self._plan, self.columns()))
        self._open().rows(self._select(names).limit(0))

    def columns(self) -> dict[str, ColumnType]:
        """Return the columns in order, as SQLAlchemy reflects them."""
        if self._columns is None:
            from sync_provider.core.systems.sql.types import query_columns, table_columns

            connection = self._open()
            if self._query:
                self._columns = query_columns(connection, self._from())
            else:
                found = table_columns(connection, self._schema, self._table)
                if not found:
                    raise self._no_table()
                self._columns = found
        return dict(self._columns)

    def window(self, kind: str, since: str | None, until: str | None) -> Window:
        """Fix the bounds; see `Source.window`."""
        increment = self._plan.increment
        if increment is None:
            return Window("full")
        increments.check_range(self._plan, kind)
        if increment.strategy == "key":
            # nothing tells, in any dialect, which transactions are open: `lag` is what there is
            return increments.key_window(self._plan, kind, (since, until), self._order(), self._newest, lambda: True)
        return self._time_window(kind, since, until)

    def read(self, window: Window, after: str = "") -> Iterator[Batch]:
        """Yield the window's rows; a column with a value that is not of its type is String in that batch."""
        from sync_provider.core.systems.rows import gathered
        from sync_provider.core.systems.sql import values

        key = self._key() if resumable(self._plan) else ()
        known = self.columns()
        names = ordered_columns(needed(self._plan, known), key, list(known))
        self._refuse_types(names)
        if not increments.never_empty(self._plan, window):
            return  # there was nothing when the window was fixed
        statement, row = self._window_select(names, window, key, after)
        columns, at = {name: known[name] for name in names}, [names.index(name) for name in key]
        try:
            with closing(self._open().chunks(statement)) as chunks:
                for rows in gathered(chunks, self._plan.batch_rows):
                    frame = values.frame(rows, columns, row)
                    row += len(rows)
                    last = tuple(str(rows[-1][index]) for index in at)
                    position = Position(row - 1, last, key).text() if key else ""
                    yield Batch(frame, origin=self._origin, position=position)
        except DataError as error:
            if not self._plan.mask:
                raise
            said = f"interface {self._plan.id!r}: {self._origin} holds a value that cannot be read"
            raise DataError(said, error.fix, error.code) from None  # the driver's words may show it

    def ack(self) -> None:
        """Nothing to tell a table."""

    def advice(self) -> list[str]:
        """Say what protects increments here."""
        if self._plan.increment is None:
            return []
        return ["late commits: open transactions cannot be seen through SQLAlchemy, only `lag` reads them again"]

    def cancel(self) -> None:
        """Stop what runs; later calls raise CancelledError."""
        self._stopped = True
        if self._connection is not None:
            self._connection.cancel()

    def close(self) -> None:
        """Close the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    @property
    def _origin(self) -> str:
        if self._query:
            return self._plan.interface
        return f"{self._schema}.{self._table}" if self._schema else self._table

    def _open(self) -> SqlConnection:
        if self._stopped:
            raise CancelledError(f"interface {self._plan.id!r}: reading {self._origin} was cancelled")
        if self._connection is None:
            from sync_provider.core.systems.sql.connect import SqlConnection

            dialect = self._plan.source.options.get("dialect")
            self._connection = SqlConnection(self._info, dialect, interface=self._plan.id)
        return self._connection

    def _no_table(self) -> ConfigError:
        with self._open().failing():
            inspector = self._open().inspector()
            names = [*inspector.get_table_names(self._schema), *inspector.get_view_names(self._schema)]
        near = get_close_matches(self._table, names, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else "" if names else "; there is no table at all"
        return ConfigError(
            f"sql connection {self._info.id!r}: table {self._origin!r} does not exist{hint}",
            fix="correct `table:` or `source.schema`",
        )

    def _refuse_types(self, names: list[str]) -> None:
        check_carried(self._plan, self._origin, self.columns(), names, "and cast it to text there")

    def _from(self) -> sa.FromClause:
        """Return the table, or the query as it is written: its name is never quoted, so it is put in verbatim."""
        import sqlalchemy as sa

        if not self._query:
            return sa.table(self._table, schema=self._schema)
        text = self._query.replace("%", "%%") if self._open().doubles_percent else self._query
        return sa.table(sa.quoted_name(f"({text}\n) sync_source", quote=False))

    def _select(self, wanted: list[Any], *terms: sa.ColumnElement[bool]) -> sa.Select[Any]:
        """Return a SELECT of columns by name, or of expressions, under the plan's own words and some terms."""
        import sqlalchemy as sa

        if self._plan.where:
            written: sa.ColumnClause[bool] = sa.literal_column(f"({self._plan.where}\n)", sa.Boolean())
            terms = (written, *terms)
        columns = [sa.column(one) if isinstance(one, str) else one for one in wanted]
        return sa.select(*columns).select_from(self._from()).where(*terms)

    def _window_select(
        self, names: list[str], window: Window, key: tuple[str, ...], after: str
    ) -> tuple[sa.Select[Any], int]:
        """Return the statement that reads a window, and the number of its first row."""
        import sqlalchemy as sa

        from sync_provider.core.systems.sql import cursors

        terms: list[sa.ColumnElement[bool]] = []
        if window.kind != "full" and self._plan.increment is not None:
            cursor = self._plan.increment.cursor
            terms += cursors.bounds(sa.column(cursor), self.columns()[cursor], window)
        row = 1
        if after:
            position = Position.read(after, self._plan, self._origin, key)
            terms.append(cursors.behind(key, position.key, self.columns()))
            row = position.row + 1
        return self._select(names, *terms).order_by(*(sa.column(name) for name in key)), row

    def _key(self) -> tuple[str, ...]:
        """Return the primary key where it orders rows in one way only: whole numbers, never NULL."""
        if self._query:
            return ()
        from sync_provider.core.systems.sql.types import primary_key

        key, known = primary_key(self._open(), self._schema, self._table), self.columns()
        fit = all(name in known and increments.is_number(known[name]) and not known[name].nullable for name in key)
        return key if fit else ()

    def _cursor(self) -> ColumnType:
        from sync_provider.core.systems.sql.cursors import TIMES

        increment = self._plan.increment
        assert increment is not None
        found = self.columns().get(increment.cursor)
        if found is None or found.kind not in TIMES:
            what = "is not there" if found is None else f"is {found.raw or found}"
            raise ConfigError(
                f"interface {self._plan.id!r}: cursor {increment.cursor!r} of {self._origin} {what}",
                fix="name a date or timestamp column in `incremental.cursor`",
            )
        if self._open().backend == "sqlite":
            raise ConfigError(
                f"interface {self._plan.id!r}: SQLite keeps times as text, which source type 'sql' cannot compare",
                fix="use `type: sqlite`",
            )
        return found

    def _order(self) -> str:
        """Return how the key is compared: as a number; text has an order that only its server knows."""
        increment = self._plan.increment
        assert increment is not None
        order = increments.key_order(self._plan, self.columns().get(increment.cursor), self._origin)
        if order != "number":
            raise ConfigError(
                f"interface {self._plan.id!r}: cursor {increment.cursor!r} of {self._origin} is text, whose order "
                "differs from server to server",
                fix="name a column of whole numbers in `incremental.cursor`",
            )
        return order

    def _time_window(self, kind: str, since: str | None, until: str | None) -> Window:
        from sync_provider.core.systems.sql import cursors

        increment, column = self._plan.increment, self._cursor()
        assert increment is not None
        zone, aware = moments.cursor_zone(self._plan, increment), column.kind == "timestamptz"
        since, until = moments.bound(self._plan, "since", since), moments.bound(self._plan, "until", until)

        def fitting(text: str | None) -> str | None:
            return text and (moments.aware(text) if aware else moments.naive(text, zone))

        now = cursors.now(zone, column)
        if kind in ("backfill", "manual"):
            return Window(kind, fitting(since), fitting(until) or now)
        newest = self._newest(cursors.condition(self._column(), column, "<=", cursors.value_of(now, column)))
        self._say_what_is_never_read()
        if kind == "full":
            return Window(kind, None, newest, cursors.twice(zone, column, newest))
        first = moments.bound(self._plan, "incremental.start", increment.start)
        start = fitting(since or first)
        lag = 0.0 if since in (None, first) else increment.lag_s
        until = cursors.later(newest, start)
        begin = moments.earlier(start, lag, zone) if start else None
        return Window(kind, begin, until, cursors.twice(zone, column, until))

    def _column(self) -> sa.ColumnClause[Any]:
        import sqlalchemy as sa

        assert self._plan.increment is not None
        return sa.column(self._plan.increment.cursor)

    def _newest(self, *terms: sa.ColumnElement[bool]) -> str | None:
        """Return the greatest cursor under some conditions as exact text; None where there is none."""
        import sqlalchemy as sa

        from sync_provider.core.systems.sql.cursors import text_of

        statement = self._select([sa.func.max(self._column())], *terms)
        return text_of(self._open().rows(statement)[0][0])

    def _say_what_is_never_read(self) -> None:
        """Warn of rows without a cursor: only full runs read them."""
        import sqlalchemy as sa

        if not self._cursor().nullable:
            return
        statement = self._select([sa.literal_column("1")], self._column().is_(None)).limit(1)
        if self._open().rows(statement):
            log.warning("interface %r: some rows of %s have no cursor; only full runs read them",
                        self._plan.id, self._origin)  # fmt: skip


SOURCE = SourceType(
    type="sql",
    open=SqlSource,
    source_options=SqlSourceOptions,
    interface_options=RelationOptions,
    incremental=("timestamp", "key"),
    where=True,
)
