"""A flag in MySQL: rows are claimed before they are read, and done when the target has them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sync_provider.core.contracts import ColumnType, ConnectionInfo, IncrementPlan, Plan
from sync_provider.core.errors import AuthenticationError, ConfigError, SyncError
from sync_provider.core.systems.increments import is_number
from sync_provider.core.systems.mysql.errors import where as connection_name
from sync_provider.core.systems.mysql.names import literal, quote

if TYPE_CHECKING:
    from sync_provider.core.systems.mysql.session import MySqlSession

#: no right to update, a read-only server, a view that cannot be written
_MAY_NOT = ("1142", "1143", "1290", "1792", "1836", "1288")
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


def claim(session: MySqlSession, increment: IncrementPlan, table: str, condition: str | None) -> int:
    """Claim every row that is pending, at once and for good, and return how many."""
    pending, claimed, _ = _values(increment)
    return _turn(session, increment, table, pending, claimed, condition)


def finish(session: MySqlSession, increment: IncrementPlan, table: str, condition: str | None) -> int:
    """Call done what is still claimed: a row that was set back meanwhile stays as it is."""
    _, claimed, done = _values(increment)
    return _turn(session, increment, table, claimed, done, condition)


def _turn(
    session: MySqlSession, increment: IncrementPlan, table: str, old: str, new: str, condition: str | None
) -> int:
    name = quote(increment.cursor)
    more = f" AND ({condition}\n)" if condition else ""
    return session.execute(f"UPDATE {table} SET {name} = {literal(new)} WHERE {name} = {literal(old)}{more}")


def _values(increment: IncrementPlan) -> tuple[str, str, str]:
    return increment.pending or "", increment.claimed or "", increment.done or ""
