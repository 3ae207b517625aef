"""A cursor in MySQL: what a run reads by it, fixed by the server's own clock and rows."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from sync_provider.core.contracts import ColumnType, IncrementPlan, Plan, Window
from sync_provider.core.errors import ConfigError
from sync_provider.core.systems import increments, moments
from sync_provider.core.systems.mysql import writers
from sync_provider.core.systems.mysql.names import literal, quote
from sync_provider.core.systems.mysql.reading import key_literal

if TYPE_CHECKING:
    from sync_provider.core.systems.mysql.session import MySqlSession

log = logging.getLogger(__name__)

_TIMES = ("date", "timestamp", "timestamptz")


@dataclass(frozen=True, slots=True)
class Place:
    """What an interface reads.

    Args:
        source: what stands behind FROM.
        name: for people.
        where: the WHERE clause of some more terms.
    """

    source: str
    name: str
    where: Callable[..., str]


@dataclass(frozen=True, slots=True)
class MyCursor:
    """The cursor of one interface.

    Args:
        session: opens, or returns, the connection.
    """

    plan: Plan
    increment: IncrementPlan
    column: ColumnType
    place: Place
    session: Callable[[], MySqlSession]

    @classmethod
    def of(
        cls,
        plan: Plan,
        increment: IncrementPlan,
        found: ColumnType | None,
        place: Place,
        session: Callable[[], MySqlSession],
    ) -> MyCursor:
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
                fix="name a date, datetime or timestamp column in `incremental.cursor`"
                + (", or write `strategy: key`" if found and increments.is_number(found) else ""),
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
        if window.kind == "full":
            return []
        if self.increment.strategy == "flag":
            return [f"{quote(self.increment.cursor)} = {literal(self.increment.claimed or '')}"]
        below = "<=" if window.includes_until else "<"
        bounds = ((">=", window.since), (below, window.until))
        return [f"{self._value} {sign} {self._literal(text)}" for sign, text in bounds if text is not None]

    def advice(self) -> list[str]:
        """Say what keeps late commits from being lost here."""
        if self.increment.strategy == "flag":
            return [f"{self.increment.cursor} may be set"]
        if writers.listed(self.session()) is None:
            return [_unseen(self.increment)]
        by_time = self.increment.strategy == "timestamp"
        return [
            "late commits: the checkpoint "
            + ("never passes the oldest open transaction" if by_time else "waits for every transaction that writes")
        ]

    @property
    def _order(self) -> str:
        return increments.order_of(self.increment, self.column)

    @property
    def _value(self) -> str:
        """Return the SQL of the cursor, compared as bytes where it is text: any other order is the collation's."""
        name = quote(self.increment.cursor)
        return f"CONVERT({name} USING utf8mb4) COLLATE utf8mb4_bin" if self._order == "text" else name

    def _literal(self, text: str) -> str:
        if self._order != "time":
            return key_literal(text, self.column)
        return f"CAST({literal(moments.naive(text, 'UTC'))} AS DATETIME(6))"

    def _by_time(self, kind: str, since: str | None, until: str | None) -> Window:
        plan, increment, aware = self.plan, self.increment, self.column.kind == "timestamptz"
        zone = moments.cursor_zone(plan, increment)
        since, until = moments.bound(plan, "since", since), moments.bound(plan, "until", until)

        def fitting(text: str) -> str:
            return moments.aware(text) if aware else moments.naive(text, zone)

        now = self.session().fetch("SELECT UTC_TIMESTAMP(6) AS now")[0]["now"].replace(tzinfo=timezone.utc)
        if kind in ("backfill", "manual"):
            return Window(kind, fitting(since) if since else None, fitting(until or moments.written(now)))
        first = moments.bound(plan, "incremental.start", increment.start)
        known = None if kind == "full" else since or first
        start = fitting(known) if known else None
        newest = _later(self._newest_time(fitting(moments.written(now))), start)
        checkpoint = self._reaches(zone, newest, start, now) if newest else None
        lag = 0.0 if since in (None, first) else increment.lag_s
        return Window(kind, moments.earlier(start, lag, zone) if start else None, newest, checkpoint)

    def _newest_time(self, now: str) -> str | None:
        """Return the greatest cursor that is a time and not in the future."""
        name = quote(self.increment.cursor)
        real = f"{name} >= CAST('0001-01-01' AS DATETIME(6))", f"{name} <= {self._literal(now)}"
        found = self._greatest(name, *real)
        if found and not moments.is_one(found):  # 2026-11-00; asked now only, as no index answers it
            exists = f"DAYOFMONTH({name}) BETWEEN 1 AND DAYOFMONTH(LAST_DAY({name}))"
            found = self._greatest(name, *real, exists)
        return found and (f"{found}+00" if self.column.kind == "timestamptz" else found)

    def _greatest(self, value: str, *terms: str) -> str | None:
        sql = f"SELECT CAST(max({value}) AS CHAR) AS newest FROM {self.place.source}{self.place.where(*terms)}"
        found = self.session().fetch(sql)[0]["newest"]
        return None if found is None else str(found)

    def _reaches(self, zone: str, newest: str, start: str | None, now: datetime) -> str | None:
        """Return how far the checkpoint may move where that is less than the newest row."""
        found = writers.listed(self.session())
        if found is None:
            log.warning("interface %r: %s", self.plan.id, _unseen(self.increment))
        aware = self.column.kind == "timestamptz"
        bounds = [None if aware else moments.repeated_since(now, zone)]
        began = writers.oldest(found or [])
        if began is not None:
            local = began if aware else began.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
            bounds.append(moments.written(local))
        known = [text for text in bounds if text is not None and moments.read(text) < moments.read(newest)]
        if not known:
            return None
        reached = _later(min(known, key=moments.read), start)
        log.info("interface %r: the checkpoint goes to %s, not to the newest row", self.plan.id, reached)
        return reached

    def _newest_key(self) -> str | None:
        return self._greatest(self._value)

    def _settled(self) -> bool:
        """Whether nobody who was writing when the upper bound was fixed still is; waits a little for them."""
        found = writers.listed(self.session())
        if found is None:
            said = log.info if self.increment.lag_keys else log.warning
            said("interface %r: %s", self.plan.id, _unseen(self.increment))
            return True
        settled = writers.all_ended(self.session(), found)
        if not settled:
            log.warning("interface %r: transactions still write, so the checkpoint stays", self.plan.id)
        return settled

    def _say_what_is_never_read(self) -> None:
        """Warn of rows without a cursor: only full runs read them."""
        if not self.column.nullable:
            return
        name, place = self.increment.cursor, self.place
        inner = f"SELECT 1 FROM {place.source}{place.where(f'{quote(name)} IS NULL')}"
        if self.session().fetch(f"SELECT EXISTS ({inner}) AS found")[0]["found"]:
            log.warning(
                "interface %r: some rows of %s have no %s; only full runs read them", self.plan.id, place.name, name
            )


def _later(one: str | None, other: str | None) -> str | None:
    """Return the later of two times; None is earlier than any."""
    if one is None or other is None:
        return one or other
    return one if moments.read(one) >= moments.read(other) else other


def _unseen(increment: IncrementPlan) -> str:
    why = "late commits: open transactions of others cannot be seen (no right PROCESS, or a replica)"
    if increment.strategy == "key":
        return f"{why}, only `lag: N` reads them again"
    return f"{why}, so rows that commit more than {increment.lag_s:g} s late are lost; GRANT PROCESS, or raise `lag`"
