"""A cursor in SQLite: ISO times as text, in any of their forms, compared as one; and keys.

`2026-01-02`, `2026-01-02T00:00:00Z` and `2026-01-02 00:00:00.000` are one moment. Put into the form with a space and
without a zone, text of a later moment is greater; text of the same moment starts with its shortest form.
"""

from __future__ import annotations

from sync_provider.core.contracts import Window
from sync_provider.core.systems import moments

_DIGIT = "[0-9]"
#: order of a key → how SQLite stores it
_STORED = {"number": "integer", "text": "text"}
_MOST = 2**63 - 1
_DATE = "-".join((_DIGIT * 4, _DIGIT * 2, _DIGIT * 2)) + "*"


def comparable(column: str) -> str:
    """Return the SQL of a cursor's text in comparable form."""
    return f"rtrim(replace(replace({column}, 'T', ' '), '+00:00', ''), 'Z')"


def summary(column: str) -> str:
    """Return the SQL of three aggregates: newest by `:sync_now`, rows without a time, times of other zones."""
    text = comparable(column)
    timed = f"typeof({column}) = 'text' AND {column} GLOB '{_DATE}'"
    # neither `2026-02-31` nor `2026-01-01 soon`; adding nothing makes SQLite calculate
    real = f"{timed} AND date({text}, '+0 days') = substr({column}, 1, 10) AND {column} NOT GLOB '*  *'"
    foreign = f"{timed} AND substr({text}, 11) GLOB '*[-+]{_DIGIT}*'"
    return (
        f"max(CASE WHEN {real} AND {text} <= :sync_now THEN {text} END), "
        f"coalesce(sum(NOT coalesce({real}, 0)), 0), coalesce(sum(coalesce({foreign}, 0)), 0)"
    )


def bounds(column: str, window: Window) -> tuple[list[str], dict[str, str]]:
    """Return WHERE terms and their values for a window."""
    text, terms = comparable(column), [f"{column} GLOB '{_DATE}'"]
    values: dict[str, str] = {}
    if window.since is not None:
        # the day alone can use an index: no form of a later moment is less
        terms += [f"{column} >= :sync_day", f"{text} >= :sync_since"]
        values |= {"sync_day": window.since[:10], "sync_since": shortest(window.since)}
    if window.until is not None:
        terms.append(f"{text} {'<=' if window.includes_until else '<'} :sync_until")
        values["sync_until"] = window.until if window.includes_until else shortest(window.until)
    return terms, values


def key_summary(column: str, order: str) -> str:
    """Return the SQL of two aggregates: the greatest key, and how many rows hold something else."""
    fits = f"typeof({column}) = '{_STORED[order]}'"
    return f"max(CASE WHEN {fits} THEN {column} END), coalesce(sum(NOT ({fits})), 0)"


def key_bounds(column: str, window: Window, order: str) -> tuple[list[str], dict[str, str | int]]:
    """Return WHERE terms and their values for a window by key."""
    terms, values = [f"typeof({column}) = '{_STORED[order]}'"], dict[str, str | int]()
    below = "<=" if window.includes_until else "<"
    for name, sign, text in (("sync_since", ">=", window.since), ("sync_until", below, window.until)):
        if text is not None:
            terms.append(f"{column} {sign} :{name} COLLATE BINARY")
            # no row is beyond what SQLite holds
            values[name] = text if order == "text" else max(min(int(text), _MOST), -_MOST - 1)
    return terms, values


def shortest(text: str) -> str:
    """Return a moment's shortest form, which the text of no earlier moment reaches."""
    moment = moments.read(text)
    day, _, clock = moments.written(moment.replace(tzinfo=None)).partition(" ")
    if "." in clock:
        return f"{day} {clock.rstrip('0')}"
    clock = clock.removesuffix(":00")
    return day if clock == "00:00" else f"{day} {clock}"


def later(one: str | None, other: str | None) -> str | None:
    """Return the later of two moments; None is earlier than any."""
    if one is None or other is None:
        return one or other
    return one if shortest(one) >= shortest(other) else other


def earlier(newest: str | None, limit: str | None) -> str | None:
    """Return `limit` where it is before the newest moment, else None: nothing limits it."""
    if newest is None or limit is None or shortest(newest) <= shortest(limit):
        return None
    return limit
