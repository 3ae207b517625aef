"""Plan → open source, open target, compiled stages, and how the load writes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import datetime, timezone

from sync_provider.core import registry
from sync_provider.core.contracts import (
    ColumnType,
    ConnectionLookup,
    LoadSpec,
    Plan,
    Source,
    SourceType,
    Target,
    TargetType,
)
from sync_provider.core.engine.limiting import LimitedSource, refuse_writing
from sync_provider.core.engine.request import Ticket
from sync_provider.core.engine.rereading import cursor_in_target, newest_by, reread
from sync_provider.core.engine.stages import Stages
from sync_provider.core.errors import ConfigError

#: columns we add to a target table
METADATA = ("_sync_run_id", "_synced_at")
#: the one that soft deletes need
DELETED_AT = "_deleted_at"


@contextmanager
def open_source(plan: Plan, connections: ConnectionLookup) -> Iterator[Source]:
    """Open the plan's source and close it again.

    Raises:
        ConfigError: it would be marked (strategy `flag`), and the environment does not let it be written.
    """
    if plan.increment is not None and plan.increment.strategy == "flag":
        refuse_writing(plan, plan.source.connection)
    kind: SourceType = registry.load("sources", plan.source.type)
    with closing(kind.open(plan, connections)) as source:
        yield source if plan.limit is None else LimitedSource(source, plan.limit)


@contextmanager
def open_target(plan: Plan, connections: ConnectionLookup) -> Iterator[Target]:
    """Open the plan's target by its connection's type and close it again.

    Raises:
        ConfigError: the connection's type cannot be written to, or not in this write mode, or not in this environment.
    """
    refuse_writing(plan, plan.target.connection)
    info = connections(plan.target.connection)
    if not registry.knows("targets", info.type):
        raise ConfigError(
            f"interface {plan.id!r}: connection {info.id!r} is {info.type!r}, which cannot be a target",
            fix=f"use a connection of type {', '.join(registry.names('targets'))}",
        )
    kind: TargetType = registry.load("targets", info.type)
    if plan.write not in kind.writes:
        raise ConfigError(
            f"interface {plan.id!r}: {info.type} cannot `write: {plan.write}`", fix=f"use {' or '.join(kind.writes)}"
        )
    with closing(kind.open(info)) as target:
        yield target


def mask_keys(plan: Plan, connections: ConnectionLookup) -> dict[str, bytes]:
    """Return the keys masks need, by connection id.

    Raises:
        ConfigError: the connection has no password to use as key.
    """
    keys: dict[str, bytes] = {}
    for mask in plan.mask:
        connection = mask.params.get("key")
        if connection is None:
            continue
        password = connections(str(connection)).password
        if not password:
            raise ConfigError(
                f"interface {plan.id!r}: connection {connection!r} holds no key for mask {mask.column!r}",
                fix="put the masking key into that connection's password",
            )
        keys[str(connection)] = password.encode()
    return keys


def added(plan: Plan) -> tuple[str, ...]:
    """Return the columns a load adds to those it reads."""
    soft = plan.deletes is not None and plan.deletes.mode == "soft"
    return (*(METADATA if plan.metadata_columns else ()), *((DELETED_AT,) if soft else ()))


def without_metadata(plan: Plan, columns: Mapping[str, ColumnType] | None) -> dict[str, ColumnType] | None:
    """Return a target's columns without those we add; None where the table is not there."""
    if columns is None:
        return None
    return {name: kind for name, kind in columns.items() if name not in added(plan)}


def own_columns(plan: Plan, columns: Mapping[str, ColumnType]) -> dict[str, ColumnType]:
    """Return a source's columns without those an earlier load of ours put there: this load brings its own."""
    return {name: kind for name, kind in columns.items() if name not in added(plan)}


def load_spec(plan: Plan, stages: Stages, ticket: Ticket | None) -> LoadSpec:
    """Say how the load writes.

    Args:
        ticket: None when only the table's shape is wanted (CREATE TABLE).
    """
    cursor, deletes = cursor_in_target(plan, stages), plan.deletes
    window = ticket.window if ticket else None
    return LoadSpec(
        table=plan.target.table,
        schema=plan.target.schema,
        columns=stages.columns,
        write=plan.write,
        primary_key=plan.primary_key,
        newest_by=newest_by(plan, stages) if plan.write != "append" else (),
        unique=stages.unique,
        deduplicate=stages.deduplicate,
        replace_run=ticket.run_id if ticket and ticket.again and plan.write == "append" else None,
        replace_since=reread(plan, cursor, ticket),
        replace_until=window.until if window else None,
        replace_until_included=window.includes_until if window else True,
        metadata=(ticket.run_id if ticket else "", datetime.now(timezone.utc)) if plan.metadata_columns else None,
        swap=plan.replace == "swap",
        guard_rows=plan.guard.rows if plan.guard else None,
        guard_percent=plan.guard.percent if plan.guard else None,
        deletes=deletes.mode if deletes else "",
        delete_missing=deletes is not None and deletes.when is None,
        pre_sql=plan.pre_sql,
        post_sql=plan.post_sql,
    )
