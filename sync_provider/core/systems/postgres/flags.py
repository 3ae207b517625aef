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
    """Turn rows from one value to the next, but for those somebody is changing: they wait for the next run."""
    column = quote(increment.cursor)
    wanted = f"{column} = {literal(old)}" + (f" AND ({condition}\n)" if condition else "")
    kind = session.fetch(f"SELECT relkind::text AS kind FROM pg_class WHERE oid = to_regclass({literal(table)})")
    if not kind or kind[0]["kind"] not in ("r", "p"):  # a view has no rows of its own to be locked
        return session.execute(f"UPDATE {table} SET {column} = {literal(new)} WHERE {wanted}")
    change = f"UPDATE {table} AS own SET {column} = {literal(new)}"
    free = f"SELECT tableoid AS t, ctid AS c FROM {table} WHERE {wanted} FOR UPDATE SKIP LOCKED"
    return session.execute(
        f"WITH free AS ({free}) {change} FROM free WHERE own.tableoid = free.t AND own.ctid = free.c"
    )


def _values(increment: IncrementPlan) -> tuple[str, str, str]:
    return increment.pending or "", increment.claimed or "", increment.done or ""
