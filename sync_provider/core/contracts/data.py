"""What travels through one run: connections, windows, batches, rejected rows, counters, the report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl

#: hidden column: number of the row in what was read, from 1; unique and rising within one run
ROW = "__row"

#: hidden column: whether the source says that this row is deleted; only where the plan has `deletes: {when: …}`
DELETED = "__deleted"

#: columns of a rejected frame, all String but ROW: what `_sync_rejected` keeps of a bad row
REJECTED = ("__row", "position", "kind", "rule", "message", "key", "data", "raw", "action")
# position  `orders_1.csv:1000` or `shop.orders`
# kind      data (type, format, value the server refused) | business (a rule)
# rule      type(amount) | not_null(id) | the check's own name
# message   row 1000 amount='abc' is not decimal(12,2)      (masked where the column is masked)
# key       JSON of the primary key, masked where masked; NULL when there is none
# data      JSON of the row as far as the stages came, masked
# raw       JSON of the source row; NULL when the plan masks anything
# action    quarantine | drop


@dataclass(frozen=True, slots=True)
class ConnectionInfo:
    """An Airflow connection, resolved where it is used. Never logged, never serialised.

    Args:
        id: Airflow connection id.
        type: Airflow conn_type: postgres, sqlite, mysql, …
    """

    id: str
    type: str
    host: str | None = None
    port: int | None = None
    login: str | None = None
    password: str | None = field(default=None, repr=False)
    schema: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)


#: connection id → ConnectionInfo. Raises ConfigError where there is none of that id.
ConnectionLookup = Callable[[str], ConnectionInfo]


@dataclass(frozen=True, slots=True)
class Window:
    """The rows one run reads, fixed before it reads and kept in the ledger.

    Bounds are cursor values as exact text (the source casts them back); None = open. `since` is inclusive.
    `until` is inclusive for full and incremental, exclusive for backfill and manual: a data interval is
    [since, until), and the next one starts where it ends.

    Args:
        kind: full | incremental | backfill | manual. Only full and incremental runs may move the checkpoint.
        since: lower bound, lag already taken off by the source.
        until: upper bound, fixed against the source before the first row is read. The checkpoint of the run.
            A full run reads all rows, also those beyond it or without a cursor; there it is the checkpoint only.
        checkpoint: how far the checkpoint may move where that is less than `until`: rows of transactions that were
            open before the read may still arrive in between. None = `until`.
    """

    kind: str
    since: str | None = None
    until: str | None = None
    checkpoint: str | None = None

    @property
    def reaches(self) -> str | None:
        """Return the checkpoint this run may leave behind."""
        return self.checkpoint if self.checkpoint is not None else self.until

    @property
    def moves_checkpoint(self) -> bool:
        """Whether a run of this window may move the checkpoint (never back)."""
        return self.kind in ("full", "incremental")

    @property
    def includes_until(self) -> bool:
        """Whether rows whose cursor equals `until` belong to this window."""
        return self.kind in ("full", "incremental")


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows on their way.

    Args:
        frame: the source columns, typed as `Source.columns()` said, plus `ROW` (Int64, 1-based per run).
            A value that is not of its column's type stays text: such a column is String in this batch.
            A column that `columns:` drops and nothing else names may be missing.
        origin: where these rows come from, for people: a file name, or a table.
        first_line: for files, the row number within `origin` of the first row here; else 0. Another row of this
            batch is number first_line + its ROW - ROW of the first (bad rows in between have their numbers too).
        bad: rows the source could not even split into columns, as a rejected frame (see `REJECTED`); None = none.
        total: rows the source expects in all, estimated cheaply, for progress and ETA; None = unknown.
        position: what `Source.read(window, after=position)` takes to go on just behind this batch, also in another
            process after a crash; "" = it cannot.
    """

    frame: pl.DataFrame
    origin: str = ""
    first_line: int = 0
    bad: pl.DataFrame | None = None
    total: int | None = None
    position: str = ""


@dataclass(slots=True)
class Counters:
    """The rows of one run. The law: read = loaded + superseded + rejected + dropped + deduplicated + filtered.

    `inserted + updated + unchanged + removed = loaded`; `warned` rows are among the loaded. `removed` are rows read
    that told of a delete and made one; `deleted` are rows of the target that went without a row read for them.
    """

    read: int = 0
    loaded: int = 0
    superseded: int = 0
    rejected: int = 0
    dropped: int = 0
    deduplicated: int = 0
    filtered: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    deleted: int = 0
    removed: int = 0
    warned: int = 0

    def add(self, other: Counters) -> None:
        """Add another batch's counts to these."""
        for name, value in asdict(other).items():
            setattr(self, name, getattr(self, name) + value)

    def leak(self) -> int:
        """Return how many rows read are not accounted for; 0 when the law holds."""
        settled = self.loaded + self.superseded + self.rejected
        return self.read - settled - self.dropped - self.deduplicated - self.filtered


@dataclass(slots=True)
class RunReport:
    """What one run of one interface did; goes to the log, the store, alerts and the CLI's box.

    Args:
        status: ok | failed | skipped | cancelled.
        rejected_by_rule: rule → (rows, first example such as `row 1000 amount='abc' is not decimal(12,2)`).
        stage_s: CPU seconds per stage.
    """

    interface: str
    run_id: str
    status: str = "ok"
    window: Window | None = None
    counters: Counters = field(default_factory=Counters)
    rejected_by_rule: dict[str, tuple[int, str]] = field(default_factory=dict)
    warned_by_rule: dict[str, int] = field(default_factory=dict)
    checkpoint: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    stage_s: dict[str, float] = field(default_factory=dict)
    peak_rss_bytes: int = 0
    error_kind: str = ""
    error: str = ""
    fix: str = ""
    config_hash: str = ""
    notes: list[str] = field(default_factory=list)
