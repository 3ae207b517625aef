"""Deletes the source tells or leaves out, as MySQL spells them."""

from __future__ import annotations

from sync_provider.core.landing.deleting import Deletions
from sync_provider.core.landing.stage import DELETED_AT
from sync_provider.core.systems.names import quote


class MySqlDeletions(Deletions):
    """`Deletions` whose soft deletes join."""

    def _told_sql(self, where: str) -> str:
        """Return the statement that deletes or marks the rows of staged deletes."""
        if self._spec.deletes == "hard":
            return super()._told_sql(where)
        order = [name for name in self._spec.newest_by if name not in self._spec.primary_key]
        sets = [f"{self._target}.{quote(name)} = {value}" for name, value in self._values.items()]
        sets += [
            f'{self._target}.{quote(name)} = coalesce("__s".{quote(name)}, {self._target}.{quote(name)})'
            for name in order
        ]
        return (
            f'UPDATE {self._target} JOIN {self._stage.table} AS "__s" ON {self._same()} SET {", ".join(sets)} '
            f"WHERE {where} AND {self._target}.{quote(DELETED_AT)} IS NULL"
        )
