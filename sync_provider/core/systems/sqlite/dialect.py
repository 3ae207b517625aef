"""SQLAlchemy's SQLite dialect with aware times: stored as UTC text of fixed width, so that text order is time order."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

from sqlalchemy import types
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.engine import Dialect


def moment_text(moment: datetime) -> str:
    """Return an aware time as it is stored: `2026-01-02 03:04:05.678901+00:00`."""
    return moment.astimezone(timezone.utc).isoformat(" ", "microseconds")


class UtcDateTime(types.DateTime):
    """An aware time as text in UTC."""

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], str | None]:
        """Return what writes a time."""
        return lambda moment: None if moment is None else moment_text(moment)

    def result_processor(self, dialect: Dialect, coltype: Any) -> Callable[[str | None], datetime | None]:
        """Return what reads one; a text without a zone is UTC."""
        return lambda text: None if text is None else _read(text)


def _read(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=timezone.utc) if moment.tzinfo is None else moment.astimezone(timezone.utc)


class UtcDialect(SQLiteDialect_pysqlite):
    """The dialect sessions compile with."""

    colspecs = {**SQLiteDialect_pysqlite.colspecs, types.DateTime: UtcDateTime}  # noqa: RUF012 - as SQLAlchemy has it
    supports_statement_cache = True
