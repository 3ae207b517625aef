"""One effective config → one Plan."""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields, replace
from functools import cache
from typing import Any

from sync_provider.core.config import environments
from sync_provider.core.config.levels import level
from sync_provider.core.config.models import Interface
from sync_provider.core.config.positions import Node
from sync_provider.core.config.project_file import Settings
from sync_provider.core.config.source_file import Effective, SourceConfig
from sync_provider.core.contracts import (
    AlertPlan,
    BudgetPlan,
    ColumnPlan,
    DeletesPlan,
    GuardPlan,
    HoursPlan,
    IncrementPlan,
    Plan,
    RetryPlan,
    SchedulePlan,
    SourcePlan,
    TargetPlan,
)

#: fields that say where things are on this machine, not what is done
_LOCAL = ("store", "staging", "shared_files", "config_file", "config_hash")
#: fields that people read and rows do not notice
_SHOWN = ("title", "source_title", "owner", "tags", "alerts")
#: a replace, or the deletion of missing rows, leaves this share of the rows where nothing else is said
GUARD_PERCENT = 50.0
_ORIGIN = {"interface": "interface", "source": "source"}


def compile_plan(library: str, source_name: str, source: SourceConfig, item: Effective, settings: Settings) -> Plan:
    """Return the plan of one checked interface."""
    model = item.model
    assert source.head is not None  # an effective interface has a valid source
    plan = Plan(
        library=library,
        source_name=source_name,
        interface=item.name,
        source=SourcePlan(source.head.type, source.head.connection, item.options),
        target=_target(model, item.name),
        mode=model.mode or ("incremental" if model.incremental else "full"),
        write=model.write or "merge",
        schedule=_schedule(model, item.root),
        primary_key=model.primary_key,
        order_by=model.order_by,
        increment=_increment(model),
        where=model.where,
        filter=model.filter,
        columns=_columns(model),
        clean=tuple(word.plan for word in item.words.clean),
        checks=tuple(word.plan for word in item.words.checks),
        mask=tuple(word.plan for word in item.words.mask),
        max_bad=BudgetPlan(**model.max_bad.model_dump()) if model.max_bad else BudgetPlan(),
        retry=_retry(model),
        timeout_s=model.timeout,
        batch_rows=model.batch.rows,
        limit=model.limit,
        metadata_columns=model.metadata_columns,
        alerts=tuple(AlertPlan(alert.when, alert.notifier, alert.args) for alert in model.alerts),
        staging=settings.staging,
        shared_files=settings.shared_files,
        store=settings.store,
        title=model.title,
        source_title=source.title,
        owner=model.owner,
        tags=model.tags,
        environment=settings.environment,
        targets=environments.connections(settings.targets),
    )
    plan = _completed(plan, model)
    return replace(plan, config_file=str(settings.top / source.file), config_hash=config_hash(plan))


def _completed(plan: Plan, model: Interface) -> Plan:
    """Return the plan with when it runs beside others, and how its rows are written beyond `write:`."""
    return replace(
        plan,
        overlap=model.overlap,
        hours=_hours(model),
        priority=model.priority,
        group=model.group,
        limits=model.limits.model_dump(exclude_none=True),
        execution=model.execution,
        replace=model.replace,
        load=model.load,
        resume_over=model.resume_over,
        guard=_guard(model, plan.write),
        deletes=DeletesPlan(model.deletes.mode, model.deletes.when) if model.deletes else None,
        pre_sql=model.pre_sql,
        post_sql=model.post_sql,
    )


def _guard(model: Interface, write: str) -> GuardPlan | None:
    """Return what guards rows that are there; where nothing is written, half of them stay."""
    missing = model.deletes is not None and model.deletes.when is None
    if model.guard is None:
        return GuardPlan(percent=GUARD_PERCENT) if write == "replace" or missing else None
    return GuardPlan(model.guard.rows, model.guard.percent)


def config_hash(plan: Plan) -> str:
    """Return 12 hex digits that change when what the plan does changes, on any machine."""
    data = {name: value for name, value in _values(plan).items() if name not in (*_LOCAL, *_SHOWN)}
    text = json.dumps(data, default=_values, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def _values(part: Any) -> dict[str, Any]:
    """Return a plan's or a part's values by name; `to_json` makes the same text and costs three times as much."""
    return {name: getattr(part, name) for name in _names(part.__class__)}


@cache
def _names(kind: Any) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


def _target(model: Interface, name: str) -> TargetPlan:
    target = model.target
    assert target.connection is not None  # `sense` saw to it
    return TargetPlan(target.connection, target.table or name, target.schema_, target.state_schema or target.schema_)


def _schedule(model: Interface, root: Node) -> SchedulePlan:
    schedule = model.schedule
    near = {"template": level(root.find(("use",)))}  # what a template brings is as near as the line that uses it
    levels = [near.get(at, at) for key in ("schedule", "timezone", "catchup") for at in [level(root.find((key,)))]]
    return SchedulePlan(
        kind=schedule.kind,
        cron=schedule.cron,
        timezone=schedule.timezone or model.timezone,
        interval_s=schedule.interval,
        start=schedule.start,
        enabled=model.enabled,
        catchup=model.catchup,
        origin="interface" if "interface" in levels else _ORIGIN.get(levels[0], "project"),
    )


def _increment(model: Interface) -> IncrementPlan | None:
    new = model.incremental
    if new is None:
        return None
    values = {name: getattr(new, name) for name in ("start", "pending", "claimed", "done")}
    by_key = new.strategy == "key"
    lag = new.lag if new.lag is not None else 300.0
    return IncrementPlan(
        new.strategy, new.cursor, 0.0 if by_key else lag, lag_keys=int(new.lag or 0) if by_key else 0, **values
    )


def _hours(model: Interface) -> HoursPlan | None:
    if model.window is None:
        return None
    start, end, zone = model.window
    return HoursPlan(start, end, zone or model.schedule.timezone or model.timezone, model.outside)


def _columns(model: Interface) -> tuple[ColumnPlan, ...]:
    return tuple(
        ColumnPlan(name, column.to or name, column.column_type(), column.expr, column.drop, column.timezone)
        for name, column in model.columns.items()
    )


def _retry(model: Interface) -> RetryPlan:
    retry = model.retry
    return RetryPlan(retry.max, retry.backoff, retry.delay, retry.max_delay, retry.errors)
