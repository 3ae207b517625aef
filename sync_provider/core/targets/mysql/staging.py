"""The staging table in MySQL, temporary or lasting, and what is decided in it."""

from __future__ import annotations

from collections.abc import Sequence

from sync_provider.core.contracts import ROW, LoadSpec
from sync_provider.core.landing.stage import Stage, metadata_columns
from sync_provider.core.systems.mysql.session import MySqlSession
from sync_provider.core.systems.names import quote
from sync_provider.core.targets.mysql.catalogue import Table

_ROW = quote(ROW)
_OLDER = "_sync_older"


class MySqlStage(Stage):
    """A staging table in MySQL.

    Equal is what the target's own columns take for equal: a collation may not tell upper from lower case.

    Args:
        database: where temporary tables are made.
    """

    # of a temporary table, without the word for it, would commit
    drop = "DROP TEMPORARY TABLE"

    def __init__(self, session: MySqlSession, spec: LoadSpec, database: str, table: Table) -> None:
        super().__init__(session, spec, quote(database))
        self._older = f"{quote(database)}.{quote(_OLDER)}"
        self._raw = {name: kind.raw for name, kind in table.columns.items()}

    def text(self, column: str) -> str:
        """Return a value as text; bytes as hex, bits as a number."""
        name = quote(column)
        if self._spec.columns[column].kind == "binary":
            return f"concat('\\x', lower(hex({name})))"
        return f"CAST({name}{' + 0' if self._raw[column].startswith('bit') else ''} AS CHAR)"

    def _keep_last(self, key: Sequence[str], order: Sequence[str], which: str) -> int:
        """Delete all but the last row of each key: in two steps, as MySQL opens a temporary table once a statement."""
        whole = " AND ".join([*(f"{quote(name)} IS NOT NULL" for name in key), which])
        group = ", ".join(self.comparable(name) for name in key)
        ordered = [self.comparable(name) for name in order]
        last = "".join(f"{value} IS NULL, {value} DESC, " for value in ordered) + f"{_ROW} DESC"
        numbered = f"SELECT {_ROW}, row_number() OVER (PARTITION BY {group} ORDER BY {last}) AS __nth FROM {self.table}"
        older = f"SELECT {_ROW} FROM ({numbered} WHERE {whole}) AS q WHERE __nth > 1"
        self._session.execute(f"{self.drop} IF EXISTS {self._older}")
        self._session.execute(f"CREATE TEMPORARY TABLE {self._older} (PRIMARY KEY ({_ROW})) {older}")
        gone = self._session.execute(f"DELETE FROM {self.table} WHERE {_ROW} IN (SELECT {_ROW} FROM {self._older})")
        self._session.execute(f"{self.drop} {self._older}")
        return gone


def update_sql(spec: LoadSpec, stage: MySqlStage, target: str, ours: dict[str, str], where: str) -> str:
    """Return the statement that changes rows that are there, never a newer one; '' where a row is all key.

    Args:
        target: the table, qualified and quoted.
        ours: column we add → SQL of its value.
        where: which staged rows.
    """
    sets = [f'"__t".{quote(name)} = "__s".{quote(name)}' for name in spec.columns if name not in spec.primary_key]
    sets += [f'"__t".{quote(name)} = {value}' for name, value in ours.items()]
    newer = f" AND NOT ({stage.newer(_T, _S)})" if spec.newest_by else ""
    if not sets:
        return ""
    # the staged rows have no index on the key, the target has: the order is not left to the server
    return (
        f'UPDATE {stage.table} AS "__s" STRAIGHT_JOIN {target} AS "__t" ON {same(spec)} SET {", ".join(sets)} '
        f"WHERE {where}{newer}"
    )


def insert_sql(spec: LoadSpec, stage: MySqlStage, target: str, ours: dict[str, str], where: str) -> str:
    """Return the statement that adds the rows whose key is not there."""
    names = ", ".join(quote(name) for name in (*spec.columns, *metadata_columns(spec)))
    values = ", ".join([*(_S + quote(name) for name in spec.columns), *ours.values()])
    # not NOT EXISTS, which may be answered by a copy of the whole target
    return (
        f'INSERT INTO {target} ({names}) SELECT {values} FROM {stage.table} AS "__s" '
        f'LEFT JOIN {target} AS "__t" ON {same(spec)} WHERE {where} AND {_T}{quote(spec.primary_key[0])} IS NULL'
    )


def same(spec: LoadSpec) -> str:
    """Return the condition that a row of the target and a staged one have the same key."""
    return " AND ".join(f"{_T}{quote(name)} = {_S}{quote(name)}" for name in spec.primary_key)


_T, _S = '"__t".', '"__s".'
