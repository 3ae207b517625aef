"""SQLAlchemy statements and rows of values → SQL as mysqlclient takes it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sqlalchemy as sa
    from sqlalchemy.engine import Dialect


def compiled(statement: sa.Executable) -> tuple[str, list[Any]]:
    """Return SQL with `%s` binds and their values in order."""
    made: Any = statement.compile(  # type: ignore[attr-defined]
        dialect=_dialect(), compile_kwargs={"render_postcompile": True}
    )
    values = made.construct_params(escape_names=False)
    for name, process in made._bind_processors.items():
        if name in values:
            values[name] = process(values[name])
    return str(made), [values[name] for name in made.positiontup or ()]


def row_sql(row: Sequence[str | bytes | int | None]) -> str:
    """Return one row of an INSERT; bytes in hex, texts as they are but for their quotes."""
    return "(" + ", ".join(_value(value) for value in row) + ")"


def _value(value: str | bytes | int | None) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bytes):
        return f"X'{value.hex()}'"
    if isinstance(value, int):
        return str(value)
    return "'" + value.replace("'", "''") + "'"


@cache
def _dialect() -> Dialect:
    from sqlalchemy.dialects.mysql.mysqldb import MySQLDialect_mysqldb

    made: Dialect = MySQLDialect_mysqldb()
    return made
