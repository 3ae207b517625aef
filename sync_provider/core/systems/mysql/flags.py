"""A flag in MySQL: rows are claimed before they are read, and done when the target has them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sync_provider.core.contracts import ColumnType, ConnectionInfo, IncrementPlan, Plan
from sync_provider.core.errors import AuthenticationError, ConfigError, SyncError
from sync_provider.core.systems.increments import is_number
from sync_provider.core.systems.mysql.errors import where as connection_name
from sync_provider.core.systems.mysql.names import literal, quote
from sync_provider.core.systems.mysql.reading import key_literal, primary_key

if TYPE_CHECKING:
    from sync_provider.core.systems.mysql.session import MySqlSession

#: no right to update, a read-only server, a view that cannot be written
_MAY_NOT = ("1142", "1143", "1290", "1792", "1836", "1288")
#: what a server says of SKIP LOCKED that does not know it
_UNKNOWN_WORDS = "1064"
#: rows that are locked together
_ROWS = 500

Key = Mapping[str, ColumnType]

_ITEM = re.compile(r"'((?:[^']|'')*)'")


def check(session: MySqlSession, plan: Plan, column: ColumnType, table: str, info: ConnectionInfo) -> None:
    """Try whether rows could be claimed, by a statement that changes none.

    Args:
        column: of the flag.
        table: quoted.

    Raises:
        AuthenticationError: the login or the server may not write.
        ConfigError: the column cannot hold the three values, or a query is read.
    """
    increment = plan.increment
    assert increment is not None
    if table.startswith("("):
        fix = "name a table or a view that can be written"
        raise ConfigError(f"interface {plan.id!r}: `strategy: flag` cannot set anything in a query", fix)
    if wrong := [value for value in _values(increment) if not _holds(column, value)]:
        raise ConfigError(
            f"interface {plan.id!r}: column {increment.cursor!r} of {table} is {column.raw} and cannot hold "
            f"{', '.join(map(repr, wrong))}",
            "correct pending, claimed and done under `incremental:`",
        )
    name, claimed = quote(increment.cursor), literal(_values(increment)[1])
    try:
        session.execute(f"UPDATE {table} SET {name} = {claimed} WHERE {name} = {claimed} AND FALSE")
    except SyncError as error:
        if error.code not in _MAY_NOT:
            raise
        raise AuthenticationError(
            f"interface {plan.id!r}: `strategy: flag` sets {increment.cursor!r} in {table}, and login "
            f"{info.login!r} of {connection_name(info)} may not (error {error.code})",
            f"GRANT UPDATE ({name}) ON {table} to it, on the primary server",
            error.code,
        ) from error


def _holds(column: ColumnType, value: str) -> bool:
    if is_number(column) or column.kind == "boolean":
        return re.fullmatch(r"-?\d{1,19}", value) is not None
    if column.raw.lower().startswith("enum"):
        return value.lower() in [item.replace("''", "'").lower() for item in _ITEM.findall(column.raw)]
    return column.kind == "text" and (column.length is None or len(value) <= column.length)


def claim(session: MySqlSession, increment: IncrementPlan, table: str, condition: str | None, key: Key) -> int:
    """Claim every row that is pending and that nobody is changing just now, for good, and return how many.

    Args:
        key: of the table, see `key_of`.
    """
    pending, claimed, _ = _values(increment)
    turn = _Turn(increment.cursor, table, pending, claimed, condition)
    return turn.past_locks(session, key) if key else turn.at_once(session)


def finish(session: MySqlSession, increment: IncrementPlan, table: str, condition: str | None, key: Key) -> int:
    """Call done what is still claimed: a row that was set back meanwhile stays as it is."""
    _, claimed, done = _values(increment)
    turn = _Turn(increment.cursor, table, claimed, done, condition)
    return (turn.past_locks(session, key) if key else 0) + turn.at_once(session)


def key_of(session: MySqlSession, schema: str | None, table: str, columns: Mapping[str, ColumnType]) -> Key:
    """Return the primary key of a table by which single rows can be named; empty where it has none such."""
    names = [str(row["name"]) for row in primary_key(session, schema, table)]
    fit = all(name in columns and (is_number(columns[name]) or columns[name].kind == "text") for name in names)
    return {name: columns[name] for name in names} if fit else {}


@dataclass(frozen=True, slots=True)
class _Turn:
    """From one value of the flag to the next."""

    cursor: str
    table: str
    old: str
    new: str
    condition: str | None

    def at_once(self, session: MySqlSession) -> int:
        """Turn every row in one statement, which waits for those who are changing one."""
        return session.execute(f"{self._set} WHERE {self._where}")

    def past_locks(self, session: MySqlSession, key: Key) -> int:
        """Turn rows in small transactions that wait for nobody: a source's own writers never meet a deadlock by us.

        Servers before MariaDB 10.6 and MySQL 8 cannot do it; there it is one statement.
        """
        names = ", ".join(map(quote, key))
        some = f"SELECT {names} FROM {self.table} WHERE {self._where} LIMIT {_ROWS} FOR UPDATE SKIP LOCKED"
        turned = 0
        before: list[dict[str, Any]] = []
        while True:
            session.begin()
            try:
                rows = session.fetch(some)
                if not rows or rows == before:  # a trigger may set them back
                    return turned
                before = rows
                each = ", ".join(f"({', '.join(_literals(row, key))})" for row in rows)
                turned += session.execute(f"{self._set} WHERE ({names}) IN ({each})")
                session.commit()
            except SyncError as error:
                if error.code != _UNKNOWN_WORDS:
                    raise
                session.rollback()
                return self.at_once(session)
            finally:
                session.rollback()

    @property
    def _set(self) -> str:
        return f"UPDATE {self.table} SET {quote(self.cursor)} = {literal(self.new)}"

    @property
    def _where(self) -> str:
        more = f" AND ({self.condition}\n)" if self.condition else ""
        return f"{quote(self.cursor)} = {literal(self.old)}{more}"


def _literals(row: Mapping[str, Any], key: Key) -> list[str]:
    return [key_literal(str(row[name]), column) for name, column in key.items()]


def _values(increment: IncrementPlan) -> tuple[str, str, str]:
    return increment.pending or "", increment.claimed or "", increment.done or ""
