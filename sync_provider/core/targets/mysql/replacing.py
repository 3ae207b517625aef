"""`write: replace` in MySQL: the table emptied within the transaction, or a new one renamed to it after COMMIT."""

from __future__ import annotations

import hashlib

from sync_provider.core.contracts import LoadSpec
from sync_provider.core.errors import ConfigError
from sync_provider.core.landing.guarding import check_replace
from sync_provider.core.systems.mysql.names import literal, qualified, quote
from sync_provider.core.systems.mysql.session import MySqlSession
from sync_provider.core.targets.mysql.creating import MAX_IDENTIFIER

_REFERENCED = """
SELECT constraint_name AS name, table_name AS other FROM information_schema.key_column_usage
WHERE referenced_table_schema = {schema} AND referenced_table_name = {table}
  AND NOT (table_schema = {schema} AND table_name = {table}) GROUP BY constraint_name, table_name ORDER BY 1"""
#: what another table in its place would not have
_BOUND = """
SELECT concat('trigger ', trigger_name) AS thing FROM information_schema.triggers
WHERE event_object_schema = {schema} AND event_object_table = {table}
UNION SELECT concat('foreign key ', constraint_name) FROM information_schema.key_column_usage
WHERE table_schema = {schema} AND table_name = {table} AND referenced_table_name IS NOT NULL"""
_THERE = "SELECT 1 FROM information_schema.tables WHERE table_schema = {schema} AND table_name = {table}"


class Replacing:
    """One replace in one transaction.

    Raises:
        ConfigError: other things hang on the table, so that its rows, or it itself, cannot be replaced.
    """

    def __init__(self, session: MySqlSession, spec: LoadSpec) -> None:
        self._session = session
        self._spec = spec
        self._target = qualified(spec.schema, spec.table)
        _check(session, spec)

    def begin(self, rows: int, beside: MySqlSession) -> tuple[str, int]:
        """Make room for the rows; return the table they go into, and how many rows go.

        Args:
            rows: how many rows come.
            beside: another connection, on which the new table is made: that would commit here.

        Raises:
            QualityGateError: too few; see `guard:`.
        """
        held = int(self._session.fetch(f"SELECT count(*) AS n FROM {self._target}")[0]["n"])
        check_replace(self._spec, rows, held)
        if not self._spec.swap:  # TRUNCATE would commit
            return self._target, self._session.execute(f"DELETE FROM {self._target}")
        new = qualified(self._spec.schema, new_name(self._spec.table))
        beside.script(f"DROP TABLE IF EXISTS {new}")
        beside.script(f"CREATE TABLE {new} LIKE {self._target}")
        return new, held

    def end(self) -> None:
        """Have the new table take the place of the old one as soon as its rows are committed."""
        if self._spec.swap:
            self._session.at_commit(lambda: _rename(self._session, self._spec))


def recover(session: MySqlSession, spec: LoadSpec, *, committed: bool) -> None:
    """Finish or undo a replace whose process was killed around COMMIT.

    The new table holds rows only where they were committed, and the ledger with them.
    """
    name = new_name(spec.table)
    new = qualified(spec.schema, name)
    if not _rows(session, _THERE, spec.schema, name):
        return
    if committed or session.fetch(f"SELECT 1 AS one FROM {new} LIMIT 1"):
        _rename(session, spec)
    else:
        session.script(f"DROP TABLE IF EXISTS {new}")


def new_name(table: str) -> str:
    """Return the name of the table that takes this one's place."""
    return _short(f"_sync_new_{table}")


def _rename(session: MySqlSession, spec: LoadSpec) -> None:
    """Put the new table in the place of the old one, in one step: readers see one or the other."""
    new, old = qualified(spec.schema, new_name(spec.table)), qualified(spec.schema, _short(f"_sync_old_{spec.table}"))
    target = qualified(spec.schema, spec.table)
    session.script(f"DROP TABLE IF EXISTS {old}")
    session.script(f"RENAME TABLE {target} TO {old}, {new} TO {target}")
    session.script(f"DROP TABLE IF EXISTS {old}")


def _short(name: str) -> str:
    if len(name) <= MAX_IDENTIFIER:
        return name
    return f"{name[: MAX_IDENTIFIER - 9]}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _check(session: MySqlSession, spec: LoadSpec) -> None:
    if found := _rows(session, _REFERENCED, spec.schema, spec.table):
        named = ", ".join(f"{quote(row['name'])} of {quote(row['other'])}" for row in found)
        raise ConfigError(
            f"table {qualified(spec.schema, spec.table)} cannot be emptied by `write: replace`: its rows are "
            f"referenced by {named}",
            "write `write: merge` with a primary_key and `deletes: hard`, or drop the foreign key",
        )
    if spec.swap and (bound := _rows(session, _BOUND, spec.schema, spec.table)):
        raise ConfigError(
            f"table {qualified(spec.schema, spec.table)} cannot be swapped: it would lose "
            f"{', '.join(row['thing'] for row in bound)}",
            "write `replace: truncate`, which keeps the table",
        )


def _rows(session: MySqlSession, sql: str, schema: str | None, table: str) -> list[dict[str, str]]:
    return session.fetch(sql.format(schema=literal(schema) if schema else "database()", table=literal(table)))
