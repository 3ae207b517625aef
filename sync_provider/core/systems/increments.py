"""Increments by key and by flag, the same for every database: bounds as exact text, windows, what is refused."""

from __future__ import annotations

import re
from collections.abc import Callable

from sync_provider.core.contracts import ColumnType, IncrementPlan, Plan, Window
from sync_provider.core.errors import ConfigError

#: a checkpoint before every value, for a first run whose rows may not all be there yet
FIRST_TIME = "0001-01-01 00:00:00"
FIRST_NUMBER = "-9223372036854775808"
FIRST_TEXT = ""

_WHOLE = re.compile(r"[+-]?\d{1,38}")


def is_number(column: ColumnType) -> bool:
    """Whether a column holds whole numbers, which are ordered as numbers and not as text."""
    return column.kind in ("int16", "int32", "int64") or (column.kind == "decimal" and column.scale == 0)


def order_of(increment: IncrementPlan, column: ColumnType) -> str:
    """Return how checkpoints of a cursor are compared: time | number | text."""
    if increment.strategy != "key":
        return "time"
    return "number" if is_number(column) else "text"


def key_order(plan: Plan, column: ColumnType | None, origin: str) -> str:
    """Return how the key that is the plan's cursor is compared: number | text.

    Raises:
        ConfigError: the cursor is neither, or is not there; or a text is to have a lag.
    """
    increment = plan.increment
    assert increment is not None
    if column is None or not (is_number(column) or column.kind == "text"):
        what = "is not there" if column is None else f"is {column.raw or column}"
        raise ConfigError(
            f"interface {plan.id!r}: cursor {increment.cursor!r} of {origin} {what}, which is no key",
            fix="name a column of whole numbers or of text in `incremental.cursor`",
        )
    if not is_number(column) and increment.lag_keys:
        raise ConfigError(
            f"interface {plan.id!r}: incremental.lag: nothing can be taken off the text in {increment.cursor!r}",
            fix="remove `lag:`, or name a column of whole numbers in `incremental.cursor`",
        )
    return "number" if is_number(column) else "text"


def key_bound(plan: Plan, what: str, text: str | None, order: str) -> str | None:
    """Check a key given by hand or kept as the checkpoint, and return it in its shortest form.

    Raises:
        ConfigError: it is no whole number where the cursor holds such, or no database can carry it.
    """
    if text is None:
        return None
    if order == "number" and not _WHOLE.fullmatch(text.strip()):
        by = f"`sync-provider state set {plan.id} 1200`" if what == "checkpoint" else f"write {what} like 1200"
        raise ConfigError(f"interface {plan.id!r}: {what} {text!r} is not a whole number", fix=by)
    if "\x00" in text:
        raise ConfigError(f"interface {plan.id!r}: {what} holds a NUL character", fix=f"correct {what}")
    return str(int(text)) if order == "number" else text


def later_key(one: str | None, other: str | None, order: str) -> str | None:
    """Return the greater of two keys; None is less than any."""
    if one is None or other is None:
        return one if other is None else other
    if order == "number":
        return one if int(one) >= int(other) else other
    return max(one, other)


def key_window(
    plan: Plan,
    kind: str,
    given: tuple[str | None, str | None],
    order: str,
    newest: Callable[[], str | None],
    settled: Callable[[], bool],
) -> Window:
    """Fix the bounds of a run by key.

    Args:
        given: since and until, as `Source.window` takes them.
        newest: returns the greatest key that is there.
        settled: asked after `newest`: whether no transaction is open that may still bring a smaller key.

    Raises:
        ConfigError: a bound is no key.
    """
    increment = plan.increment
    assert increment is not None
    name = "since" if kind != "incremental" else "incremental.start" if given[0] == increment.start else "checkpoint"
    since, until = key_bound(plan, name, given[0], order), key_bound(plan, "until", given[1], order)
    if kind == "manual":
        return Window(kind, since, until if until is not None else _behind(newest(), order))
    first = key_bound(plan, "incremental.start", increment.start, order)
    known = since if since is not None else first
    last = newest() if kind == "full" else later_key(newest(), known, order)
    if last is None:
        return Window(kind)
    lowest = FIRST_NUMBER if order == "number" else FIRST_TEXT
    checkpoint = None if settled() else known if known is not None and kind != "full" else lowest
    if kind == "full":
        return Window(kind, None, last, checkpoint)
    lag = 0 if since in (None, first) else increment.lag_keys
    start = str(max(int(known) - lag, int(FIRST_NUMBER))) if known is not None and lag else known
    return Window(kind, start, last, checkpoint)


def _behind(newest: str | None, order: str) -> str | None:
    """Return an upper bound that is not included, just behind the newest key; None where text has none."""
    return str(int(newest) + 1) if newest is not None and order == "number" else None


def flag_window(kind: str) -> Window:
    """Return the window of a run by flag, which has no bounds: rows themselves say whether they were read."""
    return Window("full" if kind == "full" else "incremental")


def check_range(plan: Plan, kind: str) -> None:
    """Refuse a range where the cursor has none: flags have no order, and keys know nothing of a day.

    Raises:
        ConfigError: so it is.
    """
    if plan.increment is None:
        return
    strategy = plan.increment.strategy
    if strategy == "flag" and kind in ("backfill", "manual"):
        raise ConfigError(
            f"interface {plan.id!r}: a range was asked for, and `strategy: flag` has none: "
            "each row says itself whether it was read",
            fix=f"set {plan.increment.cursor!r} of the rows wanted back to {plan.increment.pending!r} in the source, "
            "or read everything",
        )
    if strategy == "key" and kind == "backfill":
        raise ConfigError(
            f"interface {plan.id!r}: a backfill reads by time, and the cursor {plan.increment.cursor!r} is a key",
            fix="run it by hand, From and To being keys, or read everything",
        )


def never_empty(plan: Plan, window: Window) -> bool:
    """Whether a window may hold rows: an incremental run that found nothing when it was fixed reads nothing."""
    by_flag = plan.increment is not None and plan.increment.strategy == "flag"
    return by_flag or window.kind != "incremental" or window.until is not None
