"""Where a read can go on: the key of the last row of a batch, and its number, as text that outlives the process."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sync_provider.core.contracts import Plan
from sync_provider.core.errors import ContractError


@dataclass(frozen=True, slots=True)
class Position:
    """Just behind a row of a table that is read in the order of its key.

    Args:
        row: the row's number in the run.
        key: its key, column by column.
        of: the names of these columns.
    """

    row: int
    key: tuple[Any, ...] = ()
    of: tuple[str, ...] = ()

    def text(self) -> str:
        """Return what `read` takes."""
        return json.dumps({"row": self.row, "key": self.key, "of": self.of}, ensure_ascii=False)

    @classmethod
    def read(cls, text: str, plan: Plan, origin: str, key: tuple[str, ...]) -> Position:
        """Read what `text` wrote; "" is the beginning.

        Args:
            origin: the table, for people.
            key: the columns of its primary key now.

        Raises:
            ContractError: it is something else, or behind a row in the order of another key.
        """
        if not text:
            return cls(0)
        try:
            known = json.loads(text)
            found = cls(int(known["row"]), tuple(known["key"]), tuple(known["of"]))
        except (ValueError, TypeError, KeyError) as error:
            raise ContractError(f"{text!r} is no position in a table", "clear the run from `check` on") from error
        if found.of != key:
            raise ContractError(
                f"interface {plan.id!r}: {origin} has another primary key than when the read began",
                fix="clear the run from `check` on",
            )
        return found


def resumable(plan: Plan) -> bool:
    """Whether it is worth to read in an order that can be taken up again: only where chunks are committed."""
    return plan.load == "staged"


def ordered_columns(wanted: Sequence[str], key: Sequence[str], columns: Sequence[str]) -> list[str]:
    """Return the columns to read, with those of the key, in the source's order."""
    return [name for name in columns if name in wanted or name in key]
