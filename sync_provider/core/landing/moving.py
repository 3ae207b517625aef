"""Moving staged rows into the target, leaving out the single rows that the target refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from sync_provider.core.contracts import ROW, LoadSpec
from sync_provider.core.errors import DataError
from sync_provider.core.landing.refused import rejected, shown
from sync_provider.core.landing.stage import SqlText, Stage
from sync_provider.core.systems.names import quote

_SAVEPOINT = "sync_move"
#: refused rows after which a load is given up: something is wrong with all of them
_MOST = 10_000
_ROW = quote(ROW)


class _Session(SqlText, Protocol):
    def script(self, sql: str) -> None:
        """Execute one statement."""


class Mover:
    """Moves all staged rows in one statement; where the target refuses, in halves until single rows are left.

    Args:
        move: WHERE over staged rows → (inserted, updated).
        reason: error → (what the target said, column, constraint).
    """

    def __init__(
        self,
        session: _Session,
        spec: LoadSpec,
        stage: Stage,
        move: Callable[[str], tuple[int, int]],
        reason: Callable[[DataError], tuple[str, str, str]],
    ) -> None:
        self._session = session
        self._spec = spec
        self._stage = stage
        self._move = move
        self._reason = reason
        self._refused = 0

    def move(self) -> None:
        """Move, and add what was counted and rejected to the stage's.

        Raises:
            DataError: the target refuses more rows than can be named.
        """
        rows = f"{self._stage.table} WHERE {self._stage.live}"
        bounds = f"SELECT min({_ROW}) AS low, max({_ROW}) AS high, count(*) AS n FROM {rows}"
        row = self._session.fetch(bounds)[0]
        ranges = [(row["low"], row["high"])] if row["n"] else []
        inserted = updated = 0
        while ranges:
            low, high = ranges.pop()
            try:
                new, changed = self._attempt(f"{_ROW} BETWEEN {low} AND {high} AND {self._stage.live}")
                inserted, updated = inserted + new, updated + changed
            except DataError as error:
                if low == high:
                    self._reject(low, error)
                else:
                    middle = (low + high) // 2
                    ranges += [(middle + 1, high), (low, middle)]
        self._count(row["n"] - self._refused, inserted, updated)

    def _attempt(self, where: str) -> tuple[int, int]:
        self._session.script(f"SAVEPOINT {_SAVEPOINT}")
        try:
            moved = self._move(where)
        except DataError:
            self._session.script(f"ROLLBACK TO SAVEPOINT {_SAVEPOINT}")
            self._session.script(f"RELEASE SAVEPOINT {_SAVEPOINT}")
            raise
        self._session.script(f"RELEASE SAVEPOINT {_SAVEPOINT}")
        return moved

    def _reject(self, number: int, error: DataError) -> None:
        rows = self._stage.rows(f"{_ROW} = {number}")
        if not rows:
            return  # a range of one that holds no row
        self._refused += 1
        if self._refused > _MOST:
            raise error
        reason, column, constraint = self._reason(error)
        value = f"{shown(rows[0], [column], self._spec.columns)}: " if column else ""
        rule = f"target({column or constraint})" if column or constraint else "target"
        self._stage.rejected.append(rejected(rows, self._spec.primary_key, rule, [value + reason], kind="data"))

    def _count(self, rows: int, inserted: int, updated: int) -> None:
        """Rows that neither came in nor changed anything were older than what is stored, or all key."""
        counters = self._stage.counters
        counters.inserted, counters.updated = inserted, updated
        rest = rows - inserted - updated
        if self._spec.write == "merge" and self._spec.newest_by:
            counters.superseded += rest
            rest = 0
        counters.unchanged += rest
        counters.loaded += inserted + updated + rest
