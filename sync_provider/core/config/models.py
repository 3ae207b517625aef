"""The keys of a source file, as pydantic models: validator and JSON Schema are made of them; project.yaml is beside.

Inherited keys (`Shared`) may stand at any level; see `levels` for who wins.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    NonNegativeInt,
    PositiveInt,
    model_validator,
)

from sync_provider.core.config.loading import DeletesField, GuardField, Incremental, Keys, Statements
from sync_provider.core.config.problems import unknown
from sync_provider.core.config.schedules import HoursField, Schedule, ScheduleField, Timezone
from sync_provider.core.config.values import Duration, IdName, Names, Percent, null_is_empty, one_or_many, wrong
from sync_provider.core.contracts import ColumnType, known_types, parse_type

#: kinds of error, and classes of core/errors.py, that `retry.errors` may name
Retried = Literal[
    "connection", "system", "ConnectError", "ResourceError", "AuthenticationError", "DataError", "QualityGateError",
    "ConfigError",
]  # fmt: skip


class SharedTarget(Keys):
    """`target:` at any level."""

    connection: str | None = Field(default=None, description="Airflow connection id of the target, never a secret")
    schema_: str | None = Field(default=None, alias="schema", description="schema the tables are in")
    state_schema: str | None = Field(
        default=None, description="schema of our own _sync_ tables; the target's otherwise"
    )


class InterfaceTarget(SharedTarget):
    """`target:` of an interface."""

    table: str | None = Field(default=None, description="the interface's name otherwise")


class Retry(Keys):
    """`retry:`."""

    max: NonNegativeInt = Field(default=2, description="how often a failed task is tried again")
    backoff: Literal["exponential", "fixed"] = "exponential"
    delay: Duration = Field(default=30.0, description="before the first retry, such as 30s")
    max_delay: Duration = Field(default=600.0, description="never wait longer than this")
    errors: Annotated[tuple[Retried, ...], BeforeValidator(one_or_many)] = Field(
        default=("connection", "system"), description="kinds, or classes, of errors that are retried"
    )


def read_budget(value: Any) -> Any:
    """Read the short forms of `max_bad`: `1%`, or a number of rows."""
    if isinstance(value, str):
        return {"percent": value}
    return {"rows": value} if isinstance(value, int) and not isinstance(value, bool) else value


class Budget(Keys):
    """`max_bad:`: how many rows may be rejected before a run fails."""

    rows: NonNegativeInt | None = None
    percent: Percent | None = None
    min_rows: NonNegativeInt = Field(default=100, description="a percentage counts from this many rows on")

    @model_validator(mode="after")
    def _one_limit(self) -> Budget:
        if (self.rows is None) == (self.percent is None):
            raise wrong("needs rows or percent, one of the two", "write 1%, {rows: 5} or {percent: 1%, min_rows: 200}")
        return self


BudgetField = Annotated[
    Budget,
    BeforeValidator(
        read_budget,
        json_schema_input_type=Annotated[str, Field(pattern=r"^\d+(\.\d+)?\s*%$")] | NonNegativeInt | Budget,
    ),
]


class Limits(Keys):
    """`limits:`."""

    source: PositiveInt | None = Field(default=None, description="interfaces of one source that run at the same time")


class BatchSize(Keys):
    """`batch:`."""

    rows: PositiveInt = Field(default=50_000, description="rows that travel together")


class Alert(Keys):
    """One entry of `alerts:`."""

    when: Annotated[
        tuple[Literal["failure", "max_bad", "success"], ...],
        BeforeValidator(one_or_many),
    ] = Field(default=("failure",), description="what is told", min_length=1)
    notifier: str = Field(description="an Airflow notifier by dotted name")
    args: dict[str, Any] = Field(default={}, description="the notifier's arguments; connections by id, never a secret")

    @model_validator(mode="after")
    def _dotted(self) -> Alert:
        if "." not in self.notifier:
            raise wrong(f"notifier {self.notifier!r} is not a dotted name", "write package.module.ClassName")
        return self


class Shared(Keys):
    """Keys that are inherited: interface, source file, environment, project."""

    target: SharedTarget = SharedTarget()
    schedule: ScheduleField = Field(default=Schedule(manual=True), description="when to run")
    timezone: Timezone = Field(default="UTC", description="time zone of the schedule")
    enabled: bool = Field(default=True, description="false: neither scheduled nor run; state is kept")
    catchup: bool = Field(default=False, description="run the intervals missed while paused")
    max_bad: BudgetField | None = Field(default=None, description="error budget: 1% or {rows: 5}")
    retry: Retry = Retry()
    timeout: Duration | None = Field(default=None, description="one task may take this long")
    overlap: Literal["wait", "skip", "cancel_running"] = Field(default="wait", description="when one still runs")
    limits: Limits = Limits()
    execution: Literal["staged", "fused"] = Field(default="staged", description="one task per stage, or one for all")
    batch: BatchSize = BatchSize()
    window: HoursField | None = Field(default=None, description="hours of the day it may work in: 01:00-06:00")
    outside: Literal["wait", "skip"] = Field(default="wait", description="what a run outside the window does")
    priority: PositiveInt = Field(default=1, description="greater runs first where slots are scarce")
    resume_over: PositiveInt = Field(
        default=1_000_000, description="staged loads larger than this many rows commit in chunks that a retry resumes"
    )
    limit: PositiveInt | None = Field(default=None, description="rows read at most per run; the checkpoint stays")
    alerts: tuple[Alert, ...] = ()
    owner: str = ""
    tags: Names = ()
    metadata_columns: bool = Field(default=True, description="add _sync_run_id and _synced_at to the target")


def check_type(text: str) -> str:
    """Return a column type as written. Raises a validator's error with the nearest type."""
    try:
        parse_type(text)
    except ValueError as error:
        if "unknown" not in str(error):
            raise wrong(str(error)) from None
        fix = "write it as text, bigint, decimal(12,2), boolean, date, timestamp or timestamptz"
        raise wrong(unknown("type", text, known_types()), fix) from None
    return text


class Column(Keys):
    """One entry of `columns:`."""

    to: str | None = Field(default=None, description="name in the target", min_length=1)
    type: Annotated[str, AfterValidator(check_type)] | None = Field(
        default=None, description="such as bigint, text, decimal(12,2), timestamp"
    )
    expr: str | None = Field(default=None, description="computed from other columns, as SQL")
    drop: bool = Field(default=False, description="leave it out of the target")
    timezone: Timezone | None = Field(default=None, description="zone of timestamps that carry none")

    @model_validator(mode="after")
    def _sense(self) -> Column:
        others = [name for name in ("to", "type", "expr", "timezone") if getattr(self, name) is not None]
        if self.drop and others:
            raise wrong(f"drop cannot stand together with {', '.join(others)}", "remove one of the two")
        return self

    def column_type(self) -> ColumnType | None:
        """Return the parsed type."""
        return None if self.type is None else parse_type(self.type)


class Uses(Keys):
    """Keys that bring in templates: at a source file and at an interface."""

    use: Names = Field(default=(), description="templates of project.yaml, the later one wins; [] for none")
    with_: dict[str, Any] = Field(default={}, alias="with", description="parameter: value, for ${parameter} in them")


class Interface(Uses, Shared):
    """One thing that syncs: a key under `interfaces:`."""

    title: str = ""
    target: InterfaceTarget = InterfaceTarget()
    primary_key: Names = Field(default=(), description="target columns; a merge is inferred from it")
    write: Literal["append", "merge", "replace"] | None = Field(
        default=None, description="merge where there is a primary_key"
    )
    replace: Literal["truncate", "swap"] = Field(
        default="truncate", description="write: replace by emptying the table (grants and views stay), or by renaming"
    )
    load: Literal["direct", "staged"] | None = Field(
        default=None, description="straight into the table, or in chunks that a retry resumes; chosen otherwise"
    )
    guard: GuardField | None = Field(default=None, description="write: replace refuses fewer rows: {min_rows: 50%}")
    deletes: DeletesField | None = Field(default=None, description="what becomes of rows the source has deleted")
    pre_sql: Statements = Field(default=(), description="SQL for the target, in the transaction, before the rows")
    post_sql: Statements = Field(default=(), description="SQL for the target, in the transaction, after the rows")
    group: IdName = Field(default="", description="part of a large source that gets a DAG of its own")
    mode: Literal["full", "incremental"] | None = Field(default=None, description="inferred from `incremental:`")
    incremental: Incremental | None = None
    where: str | None = Field(default=None, description="SQL condition the source applies")
    order_by: Names = Field(default=(), description="columns that tell the newer of two rows with one key")
    filter: str | None = Field(default=None, description="rows to keep, as SQL over source columns")
    columns: Annotated[
        dict[str, Annotated[Column, BeforeValidator(null_is_empty)]],
        BeforeValidator(null_is_empty),
    ] = Field(default={})
    clean: tuple[Any, ...] = Field(default=(), description="cleaning steps, in order: - trim: [name]")
    checks: tuple[Any, ...] = Field(default=(), description="row rules: - not_null: [id]")
    mask: dict[str, Any] = Field(default={}, description="target column: method")


class SourceHead(Keys):
    """`source:`, without the keys of its type."""

    type: str = Field(description="what kind of system this is")
    connection: str | None = Field(default=None, description="Airflow connection id, never a secret")


class SourceFile(Uses, Shared):
    """A file under config/sources/<library>/."""

    source: dict[str, Any]
    title: str = ""
    environment: Names = Field(default=(), description="environments the source exists in; all otherwise")
    interfaces: dict[str, Any] = Field(min_length=1)


#: what holds where nothing is written; shown by `explain` as built-in
BUILTIN: dict[str, Any] = {
    "schedule": "manual",
    "timezone": "UTC",
    "enabled": True,
    "catchup": False,
    "overlap": "wait",
    "execution": "staged",
    "retry": {
        "max": 2,
        "backoff": "exponential",
        "delay": "30s",
        "max_delay": "10m",
        "errors": ["connection", "system"],
    },
    "batch": {"rows": 50_000},
    "outside": "wait",
    "priority": 1,
    "resume_over": 1_000_000,
    "metadata_columns": True,
}
#: keys that replace as a whole: the parts of two of them together make no sense
ATOMIC = frozenset({"schedule", "max_bad"})
