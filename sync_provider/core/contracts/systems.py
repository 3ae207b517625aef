"""What a source and a target promise."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from sync_provider.core.contracts.data import Batch, ConnectionInfo, ConnectionLookup, Counters, Window
from sync_provider.core.contracts.plan import Plan
from sync_provider.core.contracts.types import ColumnType

if TYPE_CHECKING:
    import polars as pl
    import sqlalchemy as sa


class Session(Protocol):
    """One open connection to a target. Not thread-safe but for `cancel`.

    Statements are SQLAlchemy Core, compiled for the system's dialect; Text, BigInteger, Integer, Boolean and
    DateTime(timezone=True) columns only, so that no driver needs a converter of ours.
    Every failure is raised as one of our errors, already classified.
    """

    dialect: str

    def run(self, statement: sa.Executable) -> int:
        """Execute and return the server's row count (-1 where it tells none)."""

    def rows(self, statement: sa.Executable) -> list[dict[str, Any]]:
        """Execute and return the rows; datetimes are aware UTC."""

    def script(self, sql: str) -> None:
        """Execute plain SQL text of our own making (DDL, SET)."""

    def begin(self) -> None:
        """Start the write transaction."""

    def commit(self) -> None:
        """Commit it. ConnectError here means: unknown, read the ledger."""

    def rollback(self) -> None:
        """Give it up; never raises."""

    def backend(self) -> str:
        """Return what identifies this connection on the server (`pid:start`), or '' where nothing does."""

    def cancel(self) -> None:
        """Stop what is running, on the server too. Any thread; never raises."""

    def close(self) -> None:
        """Close; never raises."""


@runtime_checkable
class Source(Protocol):
    """Reads one interface. Made by `SourceType.open`; used by one thread; `cancel` from any.

    A source module sits at `core/sources/<type>.py`, imports its engines inside functions, and
    exposes `SOURCE: SourceType`.
    """

    def ping(self) -> None:
        """Connect and touch what will be read. Raises ConnectError, AuthenticationError, ConfigError."""

    def columns(self) -> dict[str, ColumnType]:
        """Return the source's columns in order, by catalogue or header."""

    def window(self, kind: str, since: str | None, until: str | None) -> Window:
        """Fix the bounds before reading.

        Args:
            since: incremental: the checkpoint as it was stored, or None; the source takes `increment.lag_s` off.
                backfill and manual: ISO time, taken as it is.
            until: ISO time, or None: then what the source holds now, and never later than its clock, so that a
                row dated in the future cannot carry the checkpoint away.
        """

    def read(self, window: Window, after: str = "") -> Iterator[Batch]:
        """Yield batches of at most `plan.batch_rows` rows, in bounded memory.

        Args:
            after: `Batch.position` of the last batch that is safe; ROW goes on from there.
        """

    def ack(self) -> None:
        """Called after the target's commit, maybe twice, maybe never, maybe by another process than the reader.

        Strategy `flag`: rows still `claimed` become `done`. For others only advice.
        """

    def cancel(self) -> None:
        """Stop reading, on the server too. Any thread; never raises."""

    def close(self) -> None:
        """Release everything; never raises."""


@runtime_checkable
class Advising(Protocol):
    """What a source may offer beside: what `test-connection` should tell of its increments."""

    def advice(self) -> list[str]:
        """Return sentences such as what keeps rows that commit late from being lost, and what does not."""


@dataclass(frozen=True, slots=True)
class SourceType:
    """What a source module offers under the name `SOURCE`.

    Args:
        type: the YAML word; also file name and entry point.
        open: (plan, connections) → Source; opens nothing heavy before `ping` or `read`.
        source_options: pydantic model of the keys under `source:` (beside type and connection).
        interface_options: pydantic model of the keys this type adds to an interface.
        incremental: strategies it can do.
        realtime: whether it is a stream.
        needs_connection: whether `source.connection` is required.
        where: whether it applies an interface's `where:`, a condition in its own SQL.
        guarantees: one sentence shown by `validate` where the promise is weaker than exactly once.
    """

    type: str
    open: Callable[[Plan, ConnectionLookup], Source]
    source_options: Any
    interface_options: Any
    incremental: tuple[str, ...] = ()
    realtime: bool = False
    needs_connection: bool = True
    where: bool = False
    guarantees: str = ""


@dataclass(frozen=True, slots=True)
class LoadSpec:
    """How one load writes.

    Args:
        columns: target columns in order with their types, without the metadata columns.
        write: append | merge | replace.
        swap: replace: by renaming tables instead of emptying one.
        through_stage: whether rows go through a staging table even where nothing has to be decided there.
        stage: name of the lasting staging table in `stage_schema`, whose chunks are committed; '' = a temporary one,
            all in one transaction.
        guard_rows, guard_percent: a replace with fewer rows, or fewer percent of what is there, is refused.
        deletes: soft | hard | '' (deletes are not applied).
        delete_missing: rows of the target whose key was not read are gone in the source.
        pre_sql, post_sql: statements run in the transaction before the rows move, and after.
        primary_key: target column names.
        newest_by: target columns, compared in order; a stored row with greater values is not overwritten.
        unique: sets of target columns that must be unique within the run; (rule name, on_fail, columns).
        deduplicate: (key columns, order columns): the last by order, then by ROW, is kept.
        replace_run: rows of this run id already in the target are removed first (a cleared run).
        replace_since: (column, value): rows from this cursor value on are removed first (append with lag);
            value None = from the beginning, and only with a `replace_until`.
        replace_until: upper bound (value) of the same; None = open.
        replace_until_included: whether rows of exactly that value are removed too.
        metadata: values of `_sync_run_id` and `_synced_at`; None = opted out.
    """

    table: str
    schema: str | None
    columns: Mapping[str, ColumnType]
    write: str
    primary_key: tuple[str, ...] = ()
    newest_by: tuple[str, ...] = ()
    unique: tuple[tuple[str, str, tuple[str, ...]], ...] = ()
    deduplicate: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = ()
    replace_run: str | None = None
    replace_since: tuple[str, str | None] | None = None
    replace_until: str | None = None
    replace_until_included: bool = True
    metadata: tuple[str, datetime] | None = None
    swap: bool = False
    through_stage: bool = False
    stage: str = ""
    stage_schema: str | None = None
    guard_rows: int | None = None
    guard_percent: float | None = None
    deletes: str = ""
    delete_missing: bool = False
    pre_sql: tuple[str, ...] = ()
    post_sql: tuple[str, ...] = ()

    @property
    def staged(self) -> bool:
        """Whether rows go through a staging table: any decision that needs the whole run does."""
        return self.write != "append" or self.through_stage or bool(self.stage or self.unique or self.deduplicate)


class Load(Protocol):
    """One load into one table on one session, whose transactions are the caller's to begin, commit and roll back.

    Order of calls: `write` any number of times, `finish` once. With `LoadSpec.stage` the caller commits between
    writes, and `finish` may come in another process than the writes: what it needs is in the staging table.
    """

    @property
    def warned(self) -> Mapping[str, int]:
        """Rule → rows that broke a set rule with `on_fail: warn` and were kept; known after `finish`."""

    @property
    def notes(self) -> Sequence[str]:
        """What people should be told of the load, a sentence each; known after `finish`."""

    def write(self, frame: pl.DataFrame) -> pl.DataFrame | None:
        """Write rows: LoadSpec.columns + ROW, typed, and with `deletes` DELETED: false for rows, true for deletes,
        NULL for rows that were rejected and of which the key counts only. Returns rows the server refused as a
        REJECTED frame, or None.
        """

    def finish(self) -> tuple[Counters, pl.DataFrame | None]:
        """Move staged rows into the target.

        Returns:
            Counts with loaded, inserted, updated, superseded, deduplicated, dropped, deleted, warned as the server
            counted them, and the rows rejected by set rules or by the server as a REJECTED frame. Dropped rows are
            only counted.

        Raises:
            QualityGateError: a set rule with `on_fail: abort` is broken.
        """


@runtime_checkable
class Target(Protocol):
    """Writes into one database. Made by `TargetType.open`; one thread, `Session.cancel` from any."""

    dialect: str

    def ping(self) -> None:
        """Connect. Raises ConnectError, AuthenticationError."""

    def describe(self, schema: str | None, table: str) -> dict[str, ColumnType] | None:
        """Return the table's columns (with nullable, length, precision), or None when it does not exist."""

    def create_sql(self, spec: LoadSpec) -> list[str]:
        """Return the statements that create schema and table for `spec`."""

    def session(self) -> Session:
        """Open a connection with lock timeout and keepalives set."""

    def load(self, session: Session, spec: LoadSpec) -> Load:
        """Start a load on a session whose transaction is open."""

    def prepare(self, session: Session, spec: LoadSpec, *, fresh: bool) -> int:
        """Make the lasting staging table `spec.stage`, outside any transaction, and return the rows it holds.

        Args:
            fresh: throw away what it holds; else keep it, where it still has the columns of `spec`.
        """

    def discard(self, session: Session, spec: LoadSpec) -> None:
        """Drop the lasting staging table, outside any transaction, where it is there."""

    def recover(self, session: Session, spec: LoadSpec, *, committed: bool) -> None:
        """Finish or undo what a killed `replace` by renaming left behind, outside any transaction.

        Args:
            committed: whether the ledger says that the run which made it was committed.
        """

    def terminate(self, backend: str) -> None:
        """End another connection by what `Session.backend` returned, if it is still the same; never raises."""

    def close(self) -> None:
        """Release everything; never raises."""


@dataclass(frozen=True, slots=True)
class TargetType:
    """What a target module offers under the name `TARGET`.

    Args:
        type: Airflow conn_type it serves; also file name and entry point.
        open: ConnectionInfo → Target.
        writes: write modes it can do.
        max_identifier: longest name in bytes.
    """

    type: str
    open: Callable[[ConnectionInfo], Target]
    writes: tuple[str, ...]
    max_identifier: int
