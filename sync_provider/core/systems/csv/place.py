"""Where reading files can go on: behind a record of one of them, as long as none changed up to there."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from sync_provider.core.errors import ContractError, DataError


@dataclass(frozen=True, slots=True)
class FilePlace:
    """Just behind some rows of a file.

    Args:
        index: number of the file among all, from 0.
        seen: what the files up to this one were: names, sizes, times.
        before: rows of the files before it.
        good: number in the file of the last good row that was given.
        bad: the same of the last bad one; those of a block go out with its first rows.
    """

    index: int
    seen: str
    before: int
    good: int
    bad: int

    def text(self) -> str:
        """Return what `read` takes."""
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, text: str, files: Sequence[Path]) -> FilePlace:
        """Read what `text` wrote.

        Raises:
            DataError: a file is gone, new or changed, and rows would be lost or doubled.
            ContractError: it is something else.
        """
        try:
            place = cls(**json.loads(text))
        except (ValueError, TypeError) as error:
            raise ContractError(f"{text!r} is no position in files", "clear the run from `check` on") from error
        if place.index >= len(files) or place.seen != _fingerprint_of_all(files[: place.index + 1]):
            name = files[place.index].name if place.index < len(files) else "the last file"
            raise DataError(
                f"the files up to {name} are not those that were read before the load was interrupted",
                fix="put them back, or clear the run from `check` on: it then reads everything again",
            )
        return place


def fingerprint(path: Path, before: str = "") -> str:
    """Return what changes when a file does, or one of those before it.

    Args:
        before: the same of the file before; '' = this is the first one.
    """
    stat = path.stat()
    told = json.dumps([before, path.name, stat.st_size, stat.st_mtime_ns])
    return hashlib.sha256(told.encode()).hexdigest()[:32]


def _fingerprint_of_all(files: Sequence[Path]) -> str:
    seen = ""
    for path in files:
        seen = fingerprint(path, seen)
    return seen
