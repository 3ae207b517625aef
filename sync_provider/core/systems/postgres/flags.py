"""A flag in PostgreSQL: rows are claimed before they are read, and done when the target has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync_provider.core.contracts import ConnectionInfo, IncrementPlan, Plan
from sync_provider.core.errors import AuthenticationError, ConfigError, SyncError
from sync_provider.core.systems.postgres.errors import where as connection_name
from sync_provider.core.systems.postgres.names import literal, quote

if TYPE_CHECKING:
    from sync_provider.core.systems.postgres.session import PgSession

#: no right to update, a read-only server, a view that cannot be written
_MAY_NOT = ("42501", "25006", "55000")


def check(session: PgSession, plan: Plan, increment: IncrementPlan, table: str, info: ConnectionInfo) -> None:
    """Try whether rows could be claimed, by a statement that changes none.

    Args:
        table: quoted.

    Raises:
        AuthenticationError: the login or the server may not write.
        ConfigError: the column cannot hold the three values.
    """
    column = quote(increment.cursor)
    each = " AND ".join(f"{column} = {literal(value)}" for value in _values(increment))
    try:
        session.execute(f"UPDATE {table} SET {column} = {literal(_values(increment)[1])} WHERE {each} AND false")
    except SyncError as error:
        if error.code in _MAY_NOT:
            raise AuthenticationError(
                f"interface {plan.id!r}: `strategy: flag` sets {increment.cursor!r} in {table}, and login "
                f"{info.login!r} of {connection_name(info)} may not (SQLSTATE {error.code})",
                f"GRANT UPDATE ({column}) ON {table} TO {quote(info.login or 'login')}, on the primary server",
                error.code,
            ) from error
        if error.code[:2] == "22":
            raise ConfigError(
                f"interface {plan.id!r}: column {increment.cursor!r} of {table} cannot hold "
                f"{', '.join(map(repr, _values(increment)))}",
                "correct pending, claimed and done under `incremental:`",
                error.code,
            ) from error
        raise


def claim(session: PgSession, increment: IncrementPlan, table: str, condition: str | None) -> int:
    """Claim every row that is pending, at once and for good, and return how many."""
    pending, claimed, _ = _values(increment)
    return _turn(session, increment, table, pending, claimed, condition)


def finish(session: PgSession, increment: IncrementPlan, table: str, condition: str | None) -> int:
    """Call done what is still claimed: a row that was set back meanwhile stays as it is."""
    _, claimed, done = _values(increment)
    return _turn(session, increment, table, claimed, done, condition)


def _turn(session: PgSession, increment: IncrementPlan, table: str, old: str, new: str, condition: str | None) -> int:
    column = quote(increment.cursor)
    more = f" AND ({condition}\n)" if condition else ""
    return session.execute(f"UPDATE {table} SET {column} = {literal(new)} WHERE {column} = {literal(old)}{more}")


def _values(increment: IncrementPlan) -> tuple[str, str, str]:
    return increment.pending or "", increment.claimed or "", increment.done or ""
