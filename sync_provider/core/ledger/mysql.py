"""The state tables as MySQL wants them: keys of a length, a storage engine with transactions, one maker at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.engine import Dialect
from sqlalchemy.schema import CreateTable

from sync_provider.core.contracts import Session
from sync_provider.core.errors import ResourceError

#: three keys of this many characters are what an index takes
_KEY_LENGTH = 255
_COLLATION = "utf8mb4_bin"
_OPTIONS = f"ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE={_COLLATION}"
_LOCK = "sync-provider makes tables"
_WAIT_S = 60


def create_table(table: sa.Table, dialect: Dialect) -> str:
    """Return the statement that makes one state table; safe to run again."""
    made = table.to_metadata(sa.MetaData())
    for column in made.columns:
        if isinstance(column.type, sa.DateTime):
            column.type = mysql.DATETIME(fsp=6)  # UTC, as every session of ours is
        elif isinstance(column.type, sa.Text):
            key = mysql.VARCHAR(_KEY_LENGTH, charset="utf8mb4", collation=_COLLATION)
            column.type = key if column.primary_key else mysql.LONGTEXT()
    return f"{str(CreateTable(made, if_not_exists=True).compile(dialect=dialect)).strip()} {_OPTIONS}"


@contextmanager
def one_maker(session: Session) -> Iterator[None]:
    """Let nobody else of ours make tables on this server meanwhile: DDL is no part of a transaction here.

    Raises:
        ResourceError: somebody else has been at it for a minute.
    """
    got = session.rows(sa.select(sa.func.get_lock(_LOCK, _WAIT_S).label("got")))[0]["got"]
    if got != 1:
        raise ResourceError(
            f"another process has been making tables for {_WAIT_S} s", "nothing: this is retried", code="1205"
        )
    try:
        yield
    finally:
        session.rows(sa.select(sa.func.release_lock(_LOCK).label("freed")))
