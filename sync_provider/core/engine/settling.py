"""What `check` does: connect, prepare the tables, take the lease, fix the window."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone

from sync_provider.core.contracts import ColumnType, IncrementPlan, Plan, Session, Source, Target, Window
from sync_provider.core.engine import guard
from sync_provider.core.engine.opening import load_spec, own_columns, without_metadata
from sync_provider.core.engine.request import RunRequest, Ticket
from sync_provider.core.engine.rereading import check_reread
from sync_provider.core.engine.stages import Stages
from sync_provider.core.errors import AuthenticationError, ConfigError
from sync_provider.core.ledger import checkpoint, tables, versions
from sync_provider.core.ledger import load as loads
from sync_provider.core.systems import increments, moments


def settle(
    plan: Plan, request: RunRequest, source: Source, target: Target, keys: Mapping[str, bytes], *, task: bool
) -> Ticket:
    """Settle everything a run needs before its first row.

    Raises:
        BusyError, SkippedError: another run holds the lease.
        ConfigError, ConnectError, AuthenticationError: something is not as the plan needs it.
    """
    source.ping()
    target.ping()
    source_columns = own_columns(plan, source.columns())
    session = target.session()
    try:
        state_tables(plan, session, target)
        target_columns = _target_table(plan, session, source_columns, target, keys)
        token = guard.acquire(plan, request.run_id, session, target, task=task)
        try:
            window, again = _window(plan, request, source, session)
            loads.start(session, plan.target.state_schema, plan, request.run_id, window, token, request.try_number)
        except BaseException:
            guard.release(plan, token, target)
            raise
    finally:
        session.close()
    return Ticket(
        interface=plan.id,
        run_id=request.run_id,
        token=token,
        window=window,
        again=again,
        started_at=datetime.now(timezone.utc).isoformat(),
        source_columns=source_columns,
        target_columns=target_columns,
    )


def _window(plan: Plan, request: RunRequest, source: Source, session: Session) -> tuple[Window, bool]:
    """Return the window, that of the ledger where the run is known, and whether its rows may be there already."""
    which = (plan.target.state_schema, plan.id, request.run_id)
    known = loads.find(session, *which)
    window = known.window if known else _new_window(plan, request, source, session)
    if known is not None:
        _refuse_other_words(plan, request, source, window)
    others = loads.done_beside(session, *which)
    if others and (known is None or window.kind == "full"):
        _refuse_second_copy(plan, window, session)
    done = known is not None and known.status == "done"
    return window, done or (known is not None and others and plan.increment is not None)


def _new_window(plan: Plan, request: RunRequest, source: Source, session: Session) -> Window:
    """Fix the bounds of a new run; without an increment every run reads everything."""
    if plan.increment is None:
        _refuse_part(plan, request)
        return source.window("full", None, None)
    kind = request.kind or "incremental"
    increments.check_range(plan, kind)
    if kind == "incremental" and plan.increment.strategy == "flag":
        return source.window(kind, None, None)  # rows themselves say what is new
    if kind == "incremental":
        return source.window(kind, _known(plan, plan.increment, session) or plan.increment.start, None)
    return source.window(kind, request.since, request.until)


def _known(plan: Plan, increment: IncrementPlan, session: Session) -> str | None:
    """Return the checkpoint.

    Raises:
        ConfigError: somebody made it what no cursor can be.
    """
    known = checkpoint.get(session, plan.target.state_schema, plan.id, increment.cursor)
    if known is None:
        return None
    try:
        if not known:
            raise ValueError
        if increment.strategy == "timestamp":
            moments.read(known)
    except ValueError:
        raise ConfigError(
            f"interface {plan.id!r}: the checkpoint in _sync_checkpoint is {known!r}, which is no value of cursor "
            f"{increment.cursor!r}",
            fix=f"`sync-provider state reset {plan.id}`, or `state set` it to the value it had",
        ) from None
    return known


def _refuse_part(plan: Plan, request: RunRequest) -> None:
    """What is not read goes, so that only all of it may be read."""
    missing = plan.deletes is not None and plan.deletes.when is None
    if (request.since or request.until) and (plan.write == "replace" or missing):
        what = "replaces the whole table" if plan.write == "replace" else "deletes every row it does not read"
        raise ConfigError(
            f"interface {plan.id!r}: a run {what}, and cannot be one of {request.since or 'the start'} to "
            f"{request.until or 'the end'}",
            fix="run it without bounds; to load parts, write `write: merge` with `incremental:`",
        )


def _refuse_other_words(plan: Plan, request: RunRequest, source: Source, known: Window) -> None:
    """A run reads its own window again, whatever is said now; a person who says otherwise wants another run."""
    if plan.increment is None or request.kind not in ("full", "manual"):
        return
    increments.check_range(plan, request.kind)
    asked = source.window(request.kind, request.since, request.until)
    same = asked.kind == known.kind and (asked.kind == "full" or asked.since == known.since)
    if not same or (request.until and asked.until != known.until):
        raise ConfigError(
            f"interface {plan.id!r}: run {request.run_id!r} read the {known.kind} window from "
            f"{known.since or 'the start'} to {known.until or 'the end'}, and done again it reads the same",
            fix="give the new run another id",
        )


def _refuse_second_copy(plan: Plan, window: Window, session: Session) -> None:
    """Without a key nothing would tell the rows that are there from the same rows read again from the beginning."""
    if plan.write != "append" or plan.increment is None or window.since is not None or window.kind == "backfill":
        return
    import sqlalchemy as sa

    table = sa.table(plan.target.table, schema=plan.target.schema)
    if session.rows(sa.select(sa.literal_column("1").label("one")).select_from(table).limit(1)):
        raise ConfigError(
            f"interface {plan.id!r}: reading from the beginning would append every row of {plan.target.table!r} again",
            fix="empty the table first, or give the interface a `primary_key:`",
        )


def state_tables(plan: Plan, session: Session, target: Target) -> bool:
    """Make the state tables where they are missing or of an earlier version; False where they were there.

    Raises:
        ConfigError: a much newer version made them.
    """
    schema = plan.target.state_schema
    try:
        if target.describe(schema, "_sync_version") is not None:  # the last one to be made
            return versions.upgrade(session, schema, target.describe)
        tables.make(session, schema, tables.create_sql(target.dialect, schema))
    except AuthenticationError as error:
        raise AuthenticationError(
            f"interface {plan.id!r}: connection {plan.target.connection!r} may not create our state tables "
            f"in {schema or 'its default schema'}",
            fix="let an administrator run what `sync-provider target init --print-sql` prints",
            code=error.code,
        ) from error
    return True


def _target_table(
    plan: Plan, session: Session, source_columns: Mapping[str, ColumnType], target: Target, keys: Mapping[str, bytes]
) -> dict[str, ColumnType]:
    """Return the target table's columns; create it from the source's types where it is absent."""
    where = (plan.target.schema, plan.target.table)
    found = without_metadata(plan, target.describe(*where))
    stages = Stages.compile(plan, source_columns, found, keys)
    check_reread(plan, stages, source_columns, target.dialect)
    if found is None:
        tables.make(session, plan.target.schema, target.create_sql(load_spec(plan, stages, None)))
        found = without_metadata(plan, target.describe(*where))
    if found is None:
        raise ConfigError(f"interface {plan.id!r}: table {plan.target.table!r} could not be created")
    if missing := [name for name in stages.columns if name not in found]:
        raise ConfigError(
            f"interface {plan.id!r}: table {plan.target.table!r} has no column {', '.join(map(repr, missing))}",
            fix=f"add it to the table, or leave it out with `columns: {{{missing[0]}: {{drop: true}}}}`",
        )
    return found
