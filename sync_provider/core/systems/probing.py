"""Testing a connection step by step, so that people see which step fails and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from sync_provider.core.contracts import ConnectionInfo

if TYPE_CHECKING:
    from sync_provider.core.errors import SyncError

#: all steps together; a step that has no time left fails
LIMIT_S = 5.0
_PROBED = ("mysql", "postgres", "sqlite")


@dataclass(frozen=True, slots=True)
class ProbeStep:
    """One step: dns, tcp, tls, login, file, table … and how it went.

    Args:
        message: what was found, e.g. `db1 is 10.0.0.7`.
        fix: one imperative sentence where it failed.
    """

    name: str
    ok: bool
    message: str
    fix: str = ""

    @classmethod
    def failed(cls, name: str, error: SyncError) -> ProbeStep:
        """Return the step that an error ended."""
        return cls(name, False, error.what, error.fix)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A table that is to be used.

    Args:
        rights: SELECT for a source; INSERT, UPDATE, DELETE for a target.
        may_be_missing: whether it is created where it is not there, as targets are.
    """

    table: str
    schema: str | None = None
    rights: tuple[str, ...] = ("SELECT",)
    may_be_missing: bool = False

    @property
    def name(self) -> str:
        """Return the table as people write it."""
        return f"{self.schema}.{self.table}" if self.schema else self.table


def is_probed(info: ConnectionInfo) -> bool:
    """Whether the steps of this type of connection are known; else only what opens it can tell."""
    return info.type in _PROBED


def probe(info: ConnectionInfo, tables: Sequence[Wanted] = ()) -> list[ProbeStep]:
    """Test a connection and what is to be used of it, within `LIMIT_S`; stops at the first step nothing can follow.

    Returns:
        The steps in order; all are ok where the connection works. Nothing is written.
    """
    if not is_probed(info):
        what = f"a connection of type {info.type!r} cannot be tested by itself"
        return [ProbeStep("type", False, what, "test an interface that reads it, LIBRARY.SOURCE.INTERFACE")]
    tested: Callable[[ConnectionInfo, Sequence[Wanted]], list[ProbeStep]]
    tested = import_module(f"sync_provider.core.systems.{info.type}.probe").probe
    return tested(info, tables)
