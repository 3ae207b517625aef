"""What is decided about the rows of a whole run in their staging table, in SQL that every target speaks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from sync_provider.core.contracts import DELETED, ROW, Counters, LoadSpec
from sync_provider.core.errors import QualityGateError
from sync_provider.core.landing.refused import rejected, shown
from sync_provider.core.systems.names import listed, qualified, quote

if TYPE_CHECKING:
    import polars as pl

STAGE = "_sync_stage"
_BROKEN = "_sync_broken"
_ROW = quote(ROW)
_DELETED = quote(DELETED)
#: when a row was soft-deleted
DELETED_AT = "_deleted_at"


class SqlText(Protocol):
    """A session that takes SQL text of our own making."""

    def execute(self, sql: str) -> int:
        """Execute and return the row count."""

    def fetch(self, sql: str) -> list[dict[str, Any]]:
        """Execute and return the rows."""


class Stage:
    """The rows of one run in a temporary table `_sync_stage`, or in the lasting one of the spec, with their `ROW`.

    Where deletes are applied, `DELETED` is false for rows to write, true for rows the source says are deleted, and NULL
    for rows that were rejected: of those only the key is kept, since they are not missing.

    Args:
        temp: schema of temporary tables: pg_temp, temp.
    """

    #: how a temporary table is dropped within a transaction
    drop = "DROP TABLE"

    def __init__(self, session: SqlText, spec: LoadSpec, temp: str) -> None:
        self._session = session
        self._spec = spec
        self.table = qualified(spec.stage_schema, spec.stage) if spec.stage else f"{temp}.{quote(STAGE)}"
        self._broken = f"{temp}.{quote(_BROKEN)}"
        self.counters = Counters()
        self.warned: dict[str, int] = {}
        self.notes: list[str] = []
        #: SQL of the rows to write, and of these and the deletes
        self.live = f"{_DELETED} = false" if spec.deletes else "1 = 1"
        self.told = f"{_DELETED} IS NOT NULL" if spec.deletes else "1 = 1"
        self.rejected: list[pl.DataFrame | None] = []

    def decide(self) -> None:
        """Take out what the run's rules refuse and what is doubled; what stays may move.

        The order is that of the stages: clean (deduplicate), checks (unique), then what a merge needs.

        Raises:
            QualityGateError: a unique rule with `on_fail: abort` is broken.
        """
        for key, order in self._spec.deduplicate:
            self.counters.deduplicated += self._keep_last(key, order, self.live)
        if self._spec.unique:
            self._check_unique()
        if self._spec.write != "append" and self._spec.primary_key:
            self._reject_null_keys()
            self.counters.deduplicated += self._keep_last(self._spec.primary_key, self._spec.newest_by, self.told)

    def arriving(self) -> int:
        """Return how many rows are to be written."""
        return self._count(f"{self.table} WHERE {self.live}")

    def take_out(self, where: str) -> None:
        """Take rejected rows out; their keys stay where a key that is not there would count as missing."""
        if self._spec.delete_missing:
            self._session.execute(f"UPDATE {self.table} SET {_DELETED} = NULL WHERE {where}")
        else:
            self._session.execute(f"DELETE FROM {self.table} WHERE {where}")

    def rows(self, where: str) -> list[dict[str, Any]]:
        """Return staged rows as texts, in the order they were read."""
        texts = ", ".join(f"{self.text(name)} AS {quote(name)}" for name in self._spec.columns)
        return self._session.fetch(f"SELECT {_ROW}, {texts} FROM {self.table} WHERE {where} ORDER BY {_ROW}")

    def text(self, column: str) -> str:
        """Return the SQL of a column's value as text."""
        return f"CAST({quote(column)} AS TEXT)"

    def comparable(self, column: str, prefix: str = "") -> str:
        """Return the SQL of a column in a form that orders and groups as its values do."""
        return prefix + quote(column)

    def newer(self, stored: str, new: str) -> str:
        """Return the SQL that tells, never NULL, whether the stored row is newer than the new one.

        Args:
            stored, new: aliases with their point. NULL is older than any value.
        """
        terms, equal = [], ""
        for name in self._spec.newest_by:
            old_value, new_value = self.comparable(name, stored), self.comparable(name, new)
            greater = f"coalesce({old_value} > {new_value}, {old_value} IS NOT NULL AND {new_value} IS NULL)"
            terms.append(f"({equal}{greater})")
            same = f"coalesce({old_value} = {new_value}, {old_value} IS NULL AND {new_value} IS NULL)"
            equal += f"{same} AND "
        return " OR ".join(terms)

    def fresh(self, target: str, where: str) -> int:
        """Return how many of some staged rows have a key that the target does not have yet."""
        same = " AND ".join(f'"__t".{quote(name)} = "__s".{quote(name)}' for name in self._spec.primary_key)
        stored = f'SELECT 1 FROM {target} AS "__t" WHERE {same}'
        return self._count(f'{self.table} AS "__s" WHERE {where} AND NOT EXISTS ({stored})')

    def _keep_last(self, key: Sequence[str], order: Sequence[str], which: str) -> int:
        """Delete all but the last row of each key and return how many; rows with a NULL in the key stay.

        Args:
            which: SQL of the rows that are compared.
        """
        whole = [f"{quote(name)} IS NOT NULL" for name in key]
        group = ", ".join(self.comparable(name) for name in key)
        ordered = [self.comparable(name) for name in order]
        last = "".join(f"{value} IS NULL, {value} DESC, " for value in ordered) + f"{_ROW} DESC"
        numbered = f"SELECT {_ROW}, row_number() OVER (PARTITION BY {group} ORDER BY {last}) AS n FROM {self.table}"
        older = f"SELECT {_ROW} FROM ({numbered} WHERE {' AND '.join([*whole, which])}) AS q WHERE n > 1"
        return self._session.execute(f"DELETE FROM {self.table} WHERE {_ROW} IN ({older})")

    def _check_unique(self) -> None:
        """Judge all unique rules on the same rows, then take out what they refuse: their order does not matter."""
        self._session.execute(f"{self.drop} IF EXISTS {self._broken}")
        counts = ", ".join(self._group_size(index) for index in range(len(self._spec.unique)))
        found = " OR ".join(self._breaks(index) for index in range(len(self._spec.unique)))
        sizes = f"SELECT {_ROW}, {counts} FROM {self.table} WHERE {self.live}"
        self._session.execute(f"CREATE TEMPORARY TABLE {quote(_BROKEN)} AS SELECT * FROM ({sizes}) AS q WHERE {found}")
        acting: list[str] = []
        for index, (rule, on_fail, columns) in enumerate(self._spec.unique):
            if on_fail != "warn":
                where = " AND ".join([self._breaks(index), *(f"NOT coalesce({other}, false)" for other in acting)])
                self._refuse(rule, on_fail, columns, where, f"n{index}")
                acting.append(self._breaks(index))
        if acting:
            gone = f"SELECT {_ROW} FROM {self._broken} WHERE {' OR '.join(acting)}"
            self.take_out(f"{_ROW} IN ({gone})")
            self._session.execute(f"DELETE FROM {self._broken} WHERE {' OR '.join(acting)}")
        for index, (rule, on_fail, _) in enumerate(self._spec.unique):
            if on_fail == "warn" and (rows := self._count(f"{self._broken} WHERE {self._breaks(index)}")):
                self.warned[rule] = self.warned.get(rule, 0) + rows
                self.counters.warned += rows
        self._session.execute(f"{self.drop} {self._broken}")

    def _group_size(self, index: int) -> str:
        columns = self._spec.unique[index][2]
        whole = " AND ".join(f"{quote(name)} IS NOT NULL" for name in columns)
        group = ", ".join(self.comparable(name) for name in columns)
        return f"CASE WHEN {whole} THEN count(*) OVER (PARTITION BY {group}) END AS n{index}"

    def _breaks(self, index: int) -> str:
        return f"n{index} > 1"

    def _refuse(self, rule: str, on_fail: str, columns: Sequence[str], where: str, size: str) -> None:
        """Record the rows that break one unique rule."""
        sizes = {
            row[ROW]: row["n"]
            for row in self._session.fetch(f"SELECT {_ROW}, {size} AS n FROM {self._broken} WHERE {where}")
        }
        if not sizes:
            return
        if on_fail == "abort":
            first = self.rows(f"{_ROW} = {min(sizes)}")[0]
            raise QualityGateError(
                f"table {self._spec.table!r}: check {rule!r}: {len(sizes):,} rows are not unique in this run; first: "
                f"row {first[ROW]} {shown(first, columns, self._spec.columns)}",
                "correct the source, or set `on_fail: quarantine` on this check, then clear the run",
                "abort",
            )
        if on_fail == "drop":
            self.counters.dropped += len(sizes)
            return
        rows = self.rows(f"{_ROW} IN (SELECT {_ROW} FROM {self._broken} WHERE {where})")
        said = [
            f"{shown(row, columns, self._spec.columns)} is not unique in this run: {sizes[row[ROW]]} rows have it"
            for row in rows
        ]
        self.rejected.append(rejected(rows, self._spec.primary_key, rule, said))

    def _reject_null_keys(self) -> None:
        key = self._spec.primary_key
        missing = f"({' OR '.join(f'{quote(name)} IS NULL' for name in key)}) AND {self.told}"
        rows = self.rows(missing)
        if rows:
            nulls = [", ".join(name for name in key if row[name] is None) for row in rows]
            said = [f"{names} is null in the primary key" for names in nulls]
            self.rejected.append(rejected(rows, key, f"primary_key({', '.join(key)})", said, kind="data"))
            self.take_out(missing)

    def _count(self, source: str) -> int:
        return int(self._session.fetch(f"SELECT count(*) AS n FROM {source}")[0]["n"])


def upsert(spec: LoadSpec, stage: Stage, target: str, values: str, where: str) -> str:
    """Return the statement that merges staged rows into the target, never over a newer row.

    Args:
        target: the table, qualified and quoted.
        values: SQL of the values of `metadata_columns`, behind a comma, or ''.
        where: which staged rows.
    """
    names = [*spec.columns, *metadata_columns(spec)]
    changed = [name for name in names if name not in spec.primary_key]
    insert = f'INSERT INTO {target} AS "__t" ({listed(names)})'
    select = f"SELECT {listed(list(spec.columns))}{values} FROM {stage.table} WHERE {where}"
    if not changed:
        return f"{insert} {select} ON CONFLICT ({listed(spec.primary_key)}) DO NOTHING"
    sets = ", ".join(f"{quote(name)} = excluded.{quote(name)}" for name in changed)
    newer = stage.newer('"__t".', "excluded.")
    keep = f" WHERE NOT ({newer})" if spec.newest_by else ""
    return f"{insert} {select} ON CONFLICT ({listed(spec.primary_key)}) DO UPDATE SET {sets}{keep}"


def append(spec: LoadSpec, stage: Stage, target: str, values: str, where: str) -> str:
    """Return the statement that adds staged rows to the target, in the order they were read."""
    names = [*spec.columns, *metadata_columns(spec)]
    select = f"SELECT {listed(list(spec.columns))}{values} FROM {stage.table} WHERE {where} ORDER BY {_ROW}"
    return f"INSERT INTO {target} ({listed(names)}) {select}"


def metadata_columns(spec: LoadSpec) -> tuple[str, ...]:
    """Return the names of the columns we add: those not opted out, and the one that soft deletes need."""
    named = ("_sync_run_id", "_synced_at") if spec.metadata else ()
    return (*named, DELETED_AT) if spec.deletes == "soft" else named
