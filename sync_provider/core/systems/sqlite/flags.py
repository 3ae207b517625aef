"""A flag in SQLite: rows are claimed before they are read, and done when the target has them."""

from __future__ import annotations

import sqlite3

from sync_provider.core.contracts import IncrementPlan, Plan
from sync_provider.core.errors import AuthenticationError, ConfigError
from sync_provider.core.systems.sqlite.names import quote


def check(connection: sqlite3.Connection, plan: Plan, increment: IncrementPlan, table: str) -> None:
    """Try whether rows could be claimed, by a statement that changes none.

    Args:
        table: quoted.

    Raises:
        AuthenticationError: the file may not be written.
        ConfigError: it is a view.
    """
    column = quote(increment.cursor)
    said = f"interface {plan.id!r}: `strategy: flag` sets {increment.cursor!r} in {table}"
    try:
        connection.execute(f"UPDATE {table} SET {column} = {column} WHERE 0")
    except sqlite3.OperationalError as error:
        if "view" in str(error):
            raise ConfigError(f"{said}, which is a view", "name the table it reads in `table:`") from error
        if "readonly" not in str(error):
            raise
        fix = "let the user running the task write the file and its folder, or use another strategy"
        raise AuthenticationError(f"{said}, and the file is read-only", fix) from error


def claim(connection: sqlite3.Connection, increment: IncrementPlan, table: str, condition: str | None) -> int:
    """Claim every row that is pending, at once and for good, and return how many."""
    return _turn(connection, increment.cursor, table, (increment.pending, increment.claimed), condition)


def finish(connection: sqlite3.Connection, increment: IncrementPlan, table: str, condition: str | None) -> int:
    """Call done what is still claimed: a row that was set back meanwhile stays as it is."""
    return _turn(connection, increment.cursor, table, (increment.claimed, increment.done), condition)


def _turn(
    connection: sqlite3.Connection,
    cursor: str,
    table: str,
    values: tuple[str | None, str | None],
    condition: str | None,
) -> int:
    column = quote(cursor)
    more = f" AND ({condition}\n)" if condition else ""
    sql = f"UPDATE {table} SET {column} = :sync_new WHERE {column} = :sync_old{more}"
    return connection.execute(sql, {"sync_old": values[0], "sync_new": values[1]}).rowcount
