"""The state tables in the target; versioned, and readable by the version before."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime
from functools import cache

import sqlalchemy as sa

from sync_provider.core.contracts import Counters, Session
from sync_provider.core.ledger import mysql

#: raised with every change of the tables; the version before must still be able to work with them
VERSION = 2
#: PostgreSQL advisory lock of whoever makes tables: any number that nobody else is likely to use
_MAKING = 0x73796E63


@dataclass(frozen=True, slots=True)
class StateTables:
    """Our tables in one schema, keyed by interface and shard ('' where nothing is sharded)."""

    metadata: sa.MetaData
    checkpoint: sa.Table
    load: sa.Table
    rejected: sa.Table
    lease: sa.Table
    chunk: sa.Table
    version: sa.Table


@cache
def tables(schema: str | None) -> StateTables:
    """Return the tables as they are in `schema`; None = the connection's default."""
    metadata = sa.MetaData(schema=schema)
    return StateTables(
        metadata,
        checkpoint=sa.Table(
            "_sync_checkpoint",
            metadata,
            *_key(),
            sa.Column("value", sa.Text, nullable=False),
            sa.Column("cursor", sa.Text),  # the source column whose value it is
            sa.Column("run_id", sa.Text, nullable=False),
            _time("updated_at"),
        ),
        load=_load(metadata),
        rejected=_rejected(metadata),
        lease=sa.Table(
            "_sync_lease",
            metadata,
            *_key(),
            sa.Column("token", sa.BigInteger, nullable=False),
            sa.Column("run_id", sa.Text),  # NULL = free
            sa.Column("holder", sa.Text),  # host:pid:start of a single-process run
            sa.Column("backend", sa.Text),  # pid:start of the writing connection on the server
            _time("expires_at"),
            _time("heartbeat_at"),
        ),
        chunk=_chunk(metadata),
        version=sa.Table(
            "_sync_version", metadata, sa.Column("version", sa.Integer, primary_key=True, autoincrement=False)
        ),
    )


def make(session: Session, schema: str | None, statements: Iterable[str]) -> None:
    """Execute `CREATE … IF NOT EXISTS` statements all or none, one process at a time.

    PostgreSQL's own IF NOT EXISTS fails where two come at once; half of our tables would look like all of them.
    On MySQL each statement stands for itself: what a process that was killed left out, the next one makes.
    """
    if session.dialect == "mysql":
        with mysql.one_maker(session):
            _make(session, schema, statements)
        return
    if session.dialect == "sqlite":
        session.script(
            "BEGIN IMMEDIATE"
        )  # a statement that finds its table there only reads, and could not write after
    else:
        session.begin()
    try:
        if session.dialect == "postgresql":
            session.run(sa.select(sa.func.pg_advisory_xact_lock(_MAKING)))
        _make(session, schema, statements)
        session.commit()
    except BaseException:
        session.rollback()
        raise


def _make(session: Session, schema: str | None, statements: Iterable[str]) -> None:
    for sql in statements:
        # who may create tables in a schema need not have the right to create it
        if not sql.startswith("CREATE SCHEMA") or not _is_there(session, schema):
            session.script(sql)


def _is_there(session: Session, schema: str | None) -> bool:
    if session.dialect == "mysql":
        names = sa.table("schemata", sa.column("schema_name"), schema="information_schema")
        return bool(session.rows(sa.select(names.c.schema_name).where(names.c.schema_name == schema)))
    names = sa.table("pg_namespace", sa.column("nspname"), schema="pg_catalog")
    return bool(session.rows(sa.select(names.c.nspname).where(names.c.nspname == schema)))


def _key() -> tuple[sa.Column[str], ...]:
    return (sa.Column("interface", sa.Text, primary_key=True), sa.Column("shard", sa.Text, primary_key=True))


def _time(name: str, nullable: bool = False) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _load(metadata: sa.MetaData) -> sa.Table:
    counts = [field.name for field in fields(Counters)]
    return sa.Table(
        "_sync_load",
        metadata,
        *_key(),
        sa.Column("run_id", sa.Text, primary_key=True),
        sa.Column("status", sa.Text, nullable=False),  # running | done | failed
        sa.Column("token", sa.BigInteger, nullable=False),
        sa.Column("done_token", sa.BigInteger),  # of the try that committed
        sa.Column("try_number", sa.Integer, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("since", sa.Text),
        sa.Column("until", sa.Text),
        sa.Column("checkpoint", sa.Text),  # how far the checkpoint may move, where that is less than until
        *(sa.Column(f"rows_{name}", sa.BigInteger) for name in counts),
        sa.Column("checkpoint_before", sa.Text),
        sa.Column("error", sa.Text),
        sa.Column("config_hash", sa.Text, nullable=False),
        _time("started_at"),
        _time("ended_at", nullable=True),
    )


def _rejected(metadata: sa.MetaData) -> sa.Table:
    texts = ("position", "kind", "rule", "message", "key", "data", "raw")
    return sa.Table(
        "_sync_rejected",
        metadata,
        *_key(),
        sa.Column("run_id", sa.Text, primary_key=True),
        sa.Column("row_number", sa.BigInteger, primary_key=True),
        *(sa.Column(name, sa.Text) for name in texts),
        sa.Column("state", sa.Text, nullable=False),  # staged | new | edited | replayed | dismissed | aborted
        sa.Column("config_hash", sa.Text, nullable=False),
        _time("created_at"),
    )


def _chunk(metadata: sa.MetaData) -> sa.Table:
    return sa.Table(
        "_sync_chunk",
        metadata,
        *_key(),
        sa.Column("number", sa.BigInteger, primary_key=True),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("token", sa.BigInteger, nullable=False),
        sa.Column("basis", sa.Text, nullable=False),  # hash of configuration, window, columns and files
        sa.Column("position", sa.Text, nullable=False),  # in the source, behind the chunk's last row
        sa.Column("rows_staged", sa.BigInteger, nullable=False),
        sa.Column("rows_rejected", sa.BigInteger, nullable=False),
        sa.Column("counters", sa.Text, nullable=False),  # JSON, of this chunk alone
        sa.Column("rules", sa.Text, nullable=False),  # JSON
        sa.Column("places", sa.Text, nullable=False),  # JSON
        _time("at"),
    )


def create_sql(dialect_name: str, schema: str | None) -> list[str]:
    """Return the statements that make the schema and the tables; safe to run again.

    Args:
        dialect_name: SQLAlchemy's name: postgresql, sqlite, mysql.
    """
    from sqlalchemy.engine import URL
    from sqlalchemy.schema import CreateTable

    dialect = URL.create(dialect_name).get_dialect()()
    state = tables(schema)
    made = [
        mysql.create_table(table, dialect)
        if dialect.name == "mysql"
        else str(CreateTable(table, if_not_exists=True).compile(dialect=dialect))
        for table in state.metadata.sorted_tables
    ]
    mark = sa.insert(state.version).from_select(
        ["version"],
        sa.select(sa.literal(VERSION, literal_execute=True)).where(~sa.exists(sa.select(state.version.c.version))),
    )
    made.append(str(mark.compile(dialect=dialect, compile_kwargs={"literal_binds": True})))
    if schema and dialect.name in ("postgresql", "mysql"):
        made.insert(0, f"CREATE SCHEMA IF NOT EXISTS {dialect.identifier_preparer.quote(schema)}")
    return [sql.strip() for sql in made]
