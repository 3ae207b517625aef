"""The Plan of one interface: frozen, JSON-serialisable, without secrets and without Airflow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from sync_provider.core.contracts.types import ColumnType

Json = Any


@dataclass(frozen=True, slots=True)
class SourcePlan:
    """Where rows come from: YAML `type:`, Airflow connection id, and the type's own options."""

    type: str
    connection: str | None = None
    options: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TargetPlan:
    """Where rows go. The connection's own type decides which target class serves it."""

    connection: str
    table: str
    schema: str | None = None
    state_schema: str | None = None


@dataclass(frozen=True, slots=True)
class IncrementPlan:
    """How new rows are told: `cursor` names a source column.

    Args:
        strategy: timestamp | key | flag.
        lag_s: timestamp: seconds that are read again.
        lag_keys: key: numbers below the checkpoint that are read again.
        pending, claimed, done: flag: the cursor's values, as text.
    """

    strategy: str
    cursor: str
    lag_s: float = 0.0
    start: str | None = None
    lag_keys: int = 0
    pending: str | None = None
    claimed: str | None = None
    done: str | None = None


@dataclass(frozen=True, slots=True)
class ColumnPlan:
    """One entry under `columns:`. `name` is the source column, or the new column of an `expr`."""

    name: str
    to: str
    type: ColumnType | None = None
    expr: str | None = None
    drop: bool = False
    timezone: str | None = None


@dataclass(frozen=True, slots=True)
class CleanPlan:
    """One step under `clean:`: the cleaner's word and its parameters, as written."""

    word: str
    params: Json


@dataclass(frozen=True, slots=True)
class CheckPlan:
    """One rule under `checks:`. on_fail: quarantine | drop | warn | abort."""

    rule: str
    params: Json
    name: str
    on_fail: str = "quarantine"


@dataclass(frozen=True, slots=True)
class MaskPlan:
    """One masked target column: method `partial|hmac|redact` and its parameters."""

    column: str
    method: str
    params: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BudgetPlan:
    """`max_bad`: how many rejected rows a run survives; a percentage counts from `min_rows` read rows on."""

    rows: int | None = None
    percent: float | None = None
    min_rows: int = 100


@dataclass(frozen=True, slots=True)
class GuardPlan:
    """`guard:`: a replace that brings fewer rows is refused; percent of the rows that are there. 0 rows are too few."""

    rows: int | None = None
    percent: float | None = None


@dataclass(frozen=True, slots=True)
class DeletesPlan:
    """`deletes:`: what becomes of a target row that the source says is gone.

    Args:
        mode: soft (`_deleted_at` is set) | hard (the row is deleted).
        when: condition over source columns that is true for a deleted row; None = the source tells by not
            having the row any more (only a full read can know).
    """

    mode: str
    when: str | None = None


@dataclass(frozen=True, slots=True)
class RetryPlan:
    """Airflow task retries. `errors`: kinds of error, or names of error classes, that are retried."""

    max: int = 2
    backoff: str = "exponential"
    delay_s: float = 30.0
    max_delay_s: float = 600.0
    errors: tuple[str, ...] = ("connection", "system")


@dataclass(frozen=True, slots=True)
class HoursPlan:
    """`window:` of the day in which loads may work.

    Args:
        start_min, end_min: minutes of the day in `timezone`, [start, end); end before start = over midnight.
        outside: wait | skip.
    """

    start_min: int
    end_min: int
    timezone: str = "UTC"
    outside: str = "wait"


@dataclass(frozen=True, slots=True)
class SchedulePlan:
    """kind: cron | interval | once | manual. `origin` is the level it was written at: project|source|interface."""

    kind: str
    cron: str | None = None
    timezone: str = "UTC"
    interval_s: float | None = None
    start: str | None = None
    enabled: bool = True
    catchup: bool = False
    origin: str = "project"


@dataclass(frozen=True, slots=True)
class AlertPlan:
    """`alerts:` entry: events (failure, max_bad, success) and an Airflow notifier by dotted name."""

    on: tuple[str, ...]
    notifier: str
    args: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything one interface needs to run, and nothing else.

    Args:
        write: append | merge | replace.
        replace: truncate (grants and views stay) | swap (readers never wait).
        load: direct | staged (chunks are committed and resumed) | None: the engine chooses.
        resume_over: rows from which a load that goes through a staging table can be resumed.
        hours: the window of the day; None = any time.
        priority: Airflow's priority_weight.
        group: part of a large source that becomes a DAG of its own; '' = the source's.
        limit: rows a run reads at most; the checkpoint then stays where it is. None = all.
        targets: the connections that may be written in this environment; None = any.
        shared_files: whether every worker sees the files of `staging`, and of SQLite, at the same path.
    """

    library: str
    source_name: str
    interface: str
    source: SourcePlan
    target: TargetPlan
    mode: str
    write: str
    schedule: SchedulePlan
    primary_key: tuple[str, ...] = ()
    order_by: tuple[str, ...] = ()
    increment: IncrementPlan | None = None
    replace: str = "truncate"
    load: str | None = None
    resume_over: int = 1_000_000
    guard: GuardPlan | None = None
    deletes: DeletesPlan | None = None
    pre_sql: tuple[str, ...] = ()
    post_sql: tuple[str, ...] = ()
    where: str | None = None
    filter: str | None = None
    columns: tuple[ColumnPlan, ...] = ()
    clean: tuple[CleanPlan, ...] = ()
    checks: tuple[CheckPlan, ...] = ()
    mask: tuple[MaskPlan, ...] = ()
    max_bad: BudgetPlan = BudgetPlan()
    retry: RetryPlan = RetryPlan()
    timeout_s: float | None = None
    overlap: str = "wait"
    hours: HoursPlan | None = None
    priority: int = 1
    group: str = ""
    limits: Mapping[str, Json] = field(default_factory=dict)
    execution: str = "staged"
    batch_rows: int = 50_000
    limit: int | None = None
    metadata_columns: bool = True
    alerts: tuple[AlertPlan, ...] = ()
    staging: str = ""
    shared_files: bool = False
    store: str = ""
    title: str = ""
    source_title: str = ""
    owner: str = ""
    tags: tuple[str, ...] = ()
    environment: str = ""
    targets: tuple[str, ...] | None = None
    config_file: str = ""
    config_hash: str = ""

    @property
    def id(self) -> str:
        """`library.source.interface`, the name used by the CLI, the ledger and every message."""
        return f"{self.library}.{self.source_name}.{self.interface}"

    def to_json(self) -> dict[str, Json]:
        """Return plain JSON values; `from_json` gives an equal plan back."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Json]) -> Plan:
        """Rebuild a plan from `to_json` output, also after a trip through JSON text."""
        values: dict[str, Any] = dict(data)
        for name, kind in _PARTS.items():
            values[name] = kind(**values[name])
        for name, kind in _OPTIONAL.items():
            values[name] = kind(**values[name]) if values.get(name) else None
        for name, kind in _LISTS.items():
            values[name] = tuple(kind(**_tuples(item)) for item in values[name])
        values = {key: tuple(v) if isinstance(v, list) else v for key, v in values.items()}
        return cls(**values)


def _tuples(item: Mapping[str, Json]) -> dict[str, Json]:
    """Undo what JSON does to `ColumnPlan.type` and `AlertPlan.on`; leave user parameters alone."""
    values = dict(item)
    if isinstance(values.get("type"), Mapping):
        values["type"] = ColumnType(**values["type"])
    if "on" in values:
        values["on"] = tuple(values["on"])
    return values


def _retry(**values: Json) -> RetryPlan:
    return RetryPlan(**{**values, "errors": tuple(values["errors"])})


_PARTS: dict[str, Any] = {
    "source": SourcePlan,
    "target": TargetPlan,
    "schedule": SchedulePlan,
    "max_bad": BudgetPlan,
    "retry": _retry,
}
_OPTIONAL: dict[str, Any] = {
    "increment": IncrementPlan,
    "guard": GuardPlan,
    "deletes": DeletesPlan,
    "hours": HoursPlan,
}
_LISTS: dict[str, Any] = {
    "columns": ColumnPlan,
    "clean": CleanPlan,
    "checks": CheckPlan,
    "mask": MaskPlan,
    "alerts": AlertPlan,
}
