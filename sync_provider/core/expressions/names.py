"""The sentence for a name that does not exist, with the nearest one that does."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

#: more names than this are not listed
_LISTED = 12


def unknown_name(what: str, name: str, known: Iterable[str], position: str = "") -> str:
    """Return `unknown column 'amout' at character 5; did you mean 'amount'?`, or the list of what there is.

    Args:
        what: what kind of name it is: column, function.
        position: where it stands, such as ` at character 5`.
    """
    names = list(known)
    near = get_close_matches(name, names, n=1) or [other for other in names if other.lower() == name.lower()]
    if near:
        return f"unknown {what} {name!r}{position}; did you mean {near[0]!r}?"
    listed = ", ".join(names[:_LISTED]) + (", …" if len(names) > _LISTED else "")
    return f"unknown {what} {name!r}{position}\n  fix: use one of: {listed}"
