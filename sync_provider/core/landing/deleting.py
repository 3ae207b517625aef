"""What a merge does with rows the source has deleted: told one by one, or missing from a full read."""

from __future__ import annotations

from collections.abc import Mapping

from sync_provider.core.contracts import DELETED, LoadSpec
from sync_provider.core.landing.guarding import check_missing
from sync_provider.core.landing.stage import DELETED_AT, SqlText, Stage
from sync_provider.core.systems.names import quote

_S = '"__s".'
_FLAG = _S + quote(DELETED)


class Deletions:
    """Applies deletes to the target, before other rows move: what they leave free may be taken again.

    Args:
        target: the table, qualified and quoted.
        values: our columns a soft delete sets → SQL; `_deleted_at` is among them.
    """

    def __init__(self, session: SqlText, spec: LoadSpec, stage: Stage, target: str, values: Mapping[str, str]) -> None:
        self._session = session
        self._spec = spec
        self._stage = stage
        self._target = target
        self._values = values

    def apply(self) -> None:
        """Delete or mark, and add what was counted to the stage's counters.

        Raises:
            QualityGateError: more rows are missing than `guard:` lets go.
        """
        if not self._spec.deletes:
            return
        if self._spec.delete_missing:
            self._missing()
        else:
            self._told()

    def _told(self) -> None:
        """Apply the deletes the source tells, never over a newer row."""
        counters, spec = self._stage.counters, self._spec
        told = self._count(f"{self._stage.table} WHERE {quote(DELETED)} = true")
        if not told:
            return
        newer = self._stage.newer(f"{self._target}.", _S) if spec.newest_by else ""
        late = self._staged(f"{_FLAG} = true AND ({newer})")
        superseded = self._count(f"{self._target} WHERE {late}") if newer else 0
        removed = self._session.execute(self._told_sql(f"{_FLAG} = true" + (f" AND NOT ({newer})" if newer else "")))
        counters.removed += removed
        counters.superseded += superseded
        counters.unchanged += told - removed - superseded
        counters.loaded += told - superseded

    def _told_sql(self, where: str) -> str:
        """Return the statement that deletes or marks the rows of staged deletes."""
        if self._spec.deletes == "hard":
            return f"DELETE FROM {self._target} WHERE {self._staged(where)}"
        # a soft-deleted row knows how new its delete is, so that an older row does not bring it back
        order = [name for name in self._spec.newest_by if name not in self._spec.primary_key]
        sets = [f"{quote(name)} = {value}" for name, value in self._values.items()]
        sets += [f"{quote(name)} = coalesce({_S}{quote(name)}, {self._target}.{quote(name)})" for name in order]
        return (
            f'UPDATE {self._target} SET {", ".join(sets)} FROM {self._stage.table} AS "__s" '
            f"WHERE {self._same()} AND {where} AND {self._target}.{quote(DELETED_AT)} IS NULL"
        )

    def _missing(self) -> None:
        """Delete or mark the rows of the target that a full read did not bring."""
        spec = self._spec
        unread = " OR ".join(f"{quote(name)} IS NULL" for name in spec.primary_key)
        if rows := self._count(f"{self._stage.table} WHERE {quote(DELETED)} IS NULL AND ({unread})"):
            self._stage.notes.append(
                f"{rows:,} rejected rows have no readable key: missing rows were not deleted in this run"
            )
            return
        there = f"{quote(DELETED_AT)} IS NULL" if spec.deletes == "soft" else "1 = 1"
        gone = f"NOT {self._staged('1 = 1')} AND {there}"
        count = self._count(f"{self._target} WHERE {gone}")
        check_missing(spec, count, self._count(f"{self._target} WHERE {there}"))
        if not count:
            return
        sets = ", ".join(f"{quote(name)} = {value}" for name, value in self._values.items())
        act = f"DELETE FROM {self._target}" if spec.deletes == "hard" else f"UPDATE {self._target} SET {sets}"
        self._stage.counters.deleted += self._session.execute(f"{act} WHERE {gone}")

    def _staged(self, where: str) -> str:
        """Return the condition on a row of the target that such a row of its key is staged."""
        return f'EXISTS (SELECT 1 FROM {self._stage.table} AS "__s" WHERE {self._same()} AND {where})'

    def _same(self) -> str:
        return " AND ".join(f"{_S}{quote(name)} = {self._target}.{quote(name)}" for name in self._spec.primary_key)

    def _count(self, source: str) -> int:
        return int(self._session.fetch(f"SELECT count(*) AS n FROM {source}")[0]["n"])
