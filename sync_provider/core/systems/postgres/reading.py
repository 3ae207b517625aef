"""What the source needs of PostgreSQL: COPY's CSV as frames, a table's size, a missing table's message."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import TYPE_CHECKING

from sync_provider.core.contracts import ConnectionInfo
from sync_provider.core.errors import ConfigError, ContractError
from sync_provider.core.systems.csv.records import Grammar
from sync_provider.core.systems.postgres.names import literal, qualified

if TYPE_CHECKING:
    import polars as pl

    from sync_provider.core.systems.postgres.session import PgSession

_GRAMMAR = Grammar(b",", b'"')


def frames(blocks: Iterator[bytes], names: list[str]) -> Iterator[pl.DataFrame]:
    """Yield `COPY … (FORMAT csv)` as frames of String columns; NULL and "" stay apart.

    Blocks end on row ends as long as the server sends a message per row. The protocol does not promise it, so each
    is cut at the last row end again, by quote parity: COPY quotes every cell that holds a quote.
    """
    import polars as pl

    schema = dict.fromkeys(names, pl.String)
    rest = b""
    for block in blocks:
        rest += block
        end = _GRAMMAR.last_end(rest)
        if end:
            yield pl.read_csv(rest[:end], has_header=False, schema=schema, infer_schema=False)
        rest = rest[end:]
    if rest:
        raise ContractError(f"COPY ended within a row, {len(rest)} bytes left", fix="report this with the log")


def estimated_rows(session: PgSession, schema: str, table: str) -> int | None:
    """Return how many rows the planner expects in a table; None where it was never analysed."""
    relation = literal(qualified(schema, table))
    found = session.fetch(f"SELECT reltuples::bigint AS n FROM pg_catalog.pg_class WHERE oid = to_regclass({relation})")
    return int(found[0]["n"]) if found and found[0]["n"] > 0 else None


def no_table(session: PgSession, info: ConnectionInfo, schema: str, table: str) -> ConfigError:
    """Say that a table is not there, and which one may be meant."""
    sql = "SELECT c.relname::text AS name FROM pg_catalog.pg_class c WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')"
    place = f"SELECT n.oid FROM pg_catalog.pg_namespace n WHERE n.nspname = {literal(schema)}"
    names = [row["name"] for row in session.fetch(f"{sql} AND c.relnamespace = ({place}) ORDER BY 1 LIMIT 1000")]
    near = get_close_matches(table, names, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else "" if names else f"; schema {schema!r} holds no table at all"
    return ConfigError(
        f"postgres connection {info.id!r}: table {f'{schema}.{table}'!r} does not exist in database "
        f"{info.schema or info.login!r}{hint}",
        fix="correct `table:` or `source.schema`",
    )
