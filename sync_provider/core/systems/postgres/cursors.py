"""A cursor in PostgreSQL: what a run reads by it, fixed by the server's own clock and rows."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sync_provider.core.contracts import ColumnType, IncrementPlan, Plan, Window
from sync_provider.core.errors import ConfigError
from sync_provider.core.systems import increments, moments
from sync_provider.core.systems.postgres import writers
from sync_provider.core.systems.postgres.names import literal, quote

if TYPE_CHECKING:
    from sync_provider.core.systems.postgres.session import PgSession

log = logging.getLogger(__name__)

#: cursor kinds a timestamp increment can use → the type its bounds are compared as
_TIMES = {"date": "timestamp", "timestamp": "timestamp", "timestamptz": "timestamptz"}


@dataclass(frozen=True, slots=True)
class Place:
    """What an interface reads.

    Args:
        source: what stands behind FROM.
        relation: the table's name as a literal, '' for a query.
        query: '' for a table.
        name: for people.
        where: the WHERE clause of some more terms.
    """

    source: str
    relation: str
    query: str
    name: str
    where: Callable[..., str]


@dataclass(frozen=True, slots=True)
class PgCursor:
    """The cursor of one interface.

    Args:
        session: opens, or returns, the connection.
    """

    plan: Plan
    increment: IncrementPlan
    column: ColumnType
    place: Place
    session: Callable[[], PgSession]

    @classmethod
    def of(
        cls,
        plan: Plan,
        increment: IncrementPlan,
        found: ColumnType | None,
        place: Place,
        session: Callable[[], PgSession],
    ) -> PgCursor:
        """Check the column that is the plan's cursor.

        Raises:
            ConfigError: it is not there, or the strategy cannot use its type.
        """
        if increment.strategy == "key":
            increments.key_order(plan, found, place.name)
        elif found is None or (increment.strategy == "timestamp" and found.kind not in _TIMES):
            what = "is not there" if found is None else f"is {found.raw}"
            raise ConfigError(
                f"interface {plan.id!r}: cursor {increment.cursor!r} of {place.name} {what}",
                fix="name a date or timestamp column in `incremental.cursor`"
                + (", or write `strategy: key`" if found and found.kind in ("int16", "int32", "int64") else ""),
            )
        assert found is not None
        return cls(plan, increment, found, place, session)

    def window(self, kind: str, since: str | None, until: str | None) -> Window:
        """Fix the bounds of a run."""
        if self.increment.strategy == "flag":
            return increments.flag_window(kind)
        if self.increment.strategy == "key":
            window = increments.key_window(
                self.plan, kind, (since, until), self._order, self._newest_key, self._settled
            )
        else:
            window = self._by_time(kind, since, until)
        if kind == "incremental":
            self._say_what_is_never_read()
        return window

    def terms(self, window: Window) -> list[str]:
        """Return the conditions of a window's rows, its bounds as literals."""
        if self.increment.strategy == "flag":
            wanted = f"{quote(self.increment.cursor)} = {literal(self.increment.claimed or '')}"
            return [] if window.kind == "full" else [wanted]
        if window.kind == "full":
            return []
        below = "<=" if window.includes_until else "<"
        bounds = ((">=", window.since), (below, window.until))
        return [f"{self._value} {sign} {self._literal(text)}" for sign, text in bounds if text is not None]

    def advice(self) -> list[str]:
        """Say what keeps late commits from being lost here."""
        if self.increment.strategy == "key":
            return _said_of_key(writers.watched(self.session(), self.place.relation, self.place.query))
        if self.increment.strategy == "flag":
            return [f"{self.increment.cursor} may be set"]
        seen = writers.open_since(self.session(), self._kind, "UTC", "2000-01-01", None).seen
        return [_SEEN if seen else _unseen(self.increment)]

    @property
    def _order(self) -> str:
        return increments.order_of(self.increment, self.column)

    @property
    def _kind(self) -> str:
        return self.column.kind

    @property
    def _value(self) -> str:
        """Return the SQL of the cursor, compared as bytes where it is text: any other order is the server's own."""
        name = quote(self.increment.cursor)
        return f'{name} COLLATE "C"' if self._order == "text" else name

    def _literal(self, text: str) -> str:
        kinds = {"number": "numeric" if self._kind == "decimal" else "bigint", "text": "text"}
        kind = kinds.get(self._order) or _TIMES[self._kind]
        if kind == "bigint" and not -(2**63) <= int(text) < 2**63:
            kind = "numeric"
        return f"{literal(text)}::{kind}"

    def _by_time(self, kind: str, since: str | None, until: str | None) -> Window:
        plan, increment, aware = self.plan, self.increment, self._kind == "timestamptz"
        zone = moments.cursor_zone(plan, increment)
        since, until = moments.bound(plan, "since", since), moments.bound(plan, "until", until)

        def fitting(text: str) -> str:
            return moments.aware(text) if aware else moments.naive(text, zone)

        if kind in ("backfill", "manual"):
            end = fitting(until) if until else self.session().fetch(f"SELECT {self._now(zone)}::text AS now")[0]["now"]
            return Window(kind, fitting(since) if since else None, end)
        first = moments.bound(plan, "incremental.start", increment.start)
        known = None if kind == "full" else since or first
        start = fitting(known) if known else None
        newest, twice_since = self._newest_time(zone, start)
        checkpoint = self._reaches(zone, newest, twice_since, start) if newest else None
        lag = 0.0 if since in (None, first) else increment.lag_s
        return Window(kind, moments.earlier(start, lag, zone) if start else None, newest, checkpoint)

    def _reaches(self, zone: str, newest: str, twice_since: str | None, start: str | None) -> str | None:
        """Return how far the checkpoint may move where that is less than the newest row."""
        still = writers.open_since(self.session(), self._kind, zone, newest, twice_since)
        if not still.seen:
            log.warning("interface %r: %s", self.plan.id, _unseen(self.increment))
        if still.prepared:
            log.warning("interface %r: a prepared transaction is open, the checkpoint stays", self.plan.id)
            lowest = increments.FIRST_TIME + ("+00" if self._kind == "timestamptz" else "")
            return start or lowest
        if still.bound is None:
            return None
        reached = moments.later(still.bound, start)
        log.info("interface %r: the checkpoint goes to %s, not to the newest row", self.plan.id, reached)
        return reached

    def _now(self, zone: str) -> str:
        """Return the server's clock as the cursor's type."""
        return "now()" if self._kind == "timestamptz" else f"(now() AT TIME ZONE {literal(zone)})::{self.column.raw}"

    def _newest_time(self, zone: str, start: str | None) -> tuple[str | None, str | None]:
        """Return the greatest cursor that is not in the future, but never less than `start`; and `repeated_since`."""
        column = quote(self.increment.cursor)
        known = self._literal(start) if start else "NULL"
        here = self.place.where(f"isfinite({column})", f"{column} <= {self._now(zone)}")
        sql = f"SELECT greatest(max({column}), {known})::text AS newest, now() AS now FROM {self.place.source}{here}"
        row = self.session().fetch(sql)[0]
        twice = None if self._kind == "timestamptz" else moments.repeated_since(row["now"], zone)
        return None if row["newest"] is None else str(row["newest"]), twice

    def _newest_key(self) -> str | None:
        sql = f"SELECT max({self._value})::text AS newest FROM {self.place.source}{self.place.where()}"
        found = self.session().fetch(sql)[0]["newest"]
        return None if found is None else str(found)

    def _settled(self) -> bool:
        """Whether nobody who was writing when the upper bound was fixed still is; waits a little for them."""
        session = self.session()
        seen = writers.watched(session, self.place.relation, self.place.query)
        if seen.blind or seen.hoards:
            said = log.info if self.increment.lag_keys else log.warning
            said("interface %r: %s", self.plan.id, _said_of_key(seen)[0])
        if seen.blind:
            return True
        settled = writers.all_ended(session, seen.oids)
        if not settled:
            log.warning(
                "interface %r: writers of %s are still open, the checkpoint stays", self.plan.id, self.place.name
            )
        return settled

    def _say_what_is_never_read(self) -> None:
        """Warn of rows without a cursor: only full runs read them."""
        if not self.column.nullable:
            return
        name, place = self.increment.cursor, self.place
        inner = f"SELECT 1 FROM {place.source}{place.where(f'{quote(name)} IS NULL')}"
        if self.session().fetch(f"SELECT EXISTS ({inner}) AS some")[0]["some"]:
            log.warning(
                "interface %r: some rows of %s have no %s; only full runs read them", self.plan.id, place.name, name
            )


_SEEN = "late commits: the checkpoint never passes the oldest open transaction"


def _unseen(increment: IncrementPlan) -> str:
    return (
        "late commits: open transactions of others cannot be seen (no pg_monitor, or a standby), so rows that commit "
        f"more than {increment.lag_s:g} s late are lost; GRANT pg_monitor to the login, or raise `lag`"
    )


def _said_of_key(seen: writers.Watched) -> list[str]:
    if seen.blind:
        return ["late commits: writers cannot be seen here (a standby, or a query), only `lag: N` reads them again"]
    if seen.hoards:
        hoards = ", ".join(seen.hoards)
        return [f"late commits: sequence {hoards} hands out numbers in stocks (CACHE), give `lag: N` as large as those"]
    return ["late commits: the checkpoint waits for everybody who writes the table"]
