"""Every error we raise, by what one does next.

SyncError
├── ConfigError          the YAML is wrong: fix the file            (not retried)
├── ConnectError         network, server down or restarting         (retried)
├── AuthenticationError  login or permission refused                (not retried)
├── DataError            the data or a type cannot be carried       (not retried)
├── QualityGateError     a business rule or the error budget failed (not retried)
├── ResourceError        disk, memory, locks, quota                 (retried later)
├── BusyError            another run holds the lease                (wait, then again)
├── SkippedError         another run holds the lease and `overlap: skip`  (skipped, not failed)
├── PausedError          the window of the day closed; goes on when it opens  (waits, then again)
├── CancelledError       a person, the scheduler or the next run stopped the run  (not retried)
└── ContractError        a plugin or this program broke its promise (not retried)

Bad *rows* are values and never exceptions.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar


class SyncError(Exception):
    """Root of all errors raised here.

    Args:
        what: one sentence: where, what is wrong, what was got instead.
        fix: one imperative sentence, or "" where nothing can be advised.
        code: the system's own code (SQLSTATE, errno, HTTP status), if any.
    """

    kind: ClassVar[str] = "system"
    retryable: ClassVar[bool] = False

    def __init__(self, what: str, fix: str = "", code: str = "") -> None:
        self.what = what
        self.fix = fix
        self.code = code
        #: the RunReport of the run this error ended, where there is one
        self.report: Any = None
        super().__init__(what)

    def __str__(self) -> str:
        return f"{self.what}\n  fix: {self.fix}" if self.fix else self.what

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self.what, self.fix, self.code))


class ConfigError(SyncError):
    """The configuration is wrong."""

    kind = "config"


class ConnectError(SyncError):
    """The other side cannot be reached, or went away."""

    kind = "connection"
    retryable = True


class AuthenticationError(SyncError):
    """The other side refused the login or the permission."""

    kind = "connection"


class DataError(SyncError):
    """The data, or one of its types, cannot be carried as asked."""

    kind = "data"


class QualityGateError(SyncError):
    """A check with `on_fail: abort` or the error budget `max_bad` stopped the run."""

    kind = "business"


class ResourceError(SyncError):
    """Disk, memory, locks or a quota ran out."""

    kind = "system"
    retryable = True


class BusyError(SyncError):
    """Another run of the same interface, or into the same table, holds the lease."""

    kind = "system"
    retryable = True


class SkippedError(SyncError):
    """There is nothing to do in this run, by configuration."""

    kind = "system"


class PausedError(SyncError):
    """A load stopped between two chunks because the window of the day closed; done again, it goes on there.

    Args:
        until: when the window opens again, aware UTC.
    """

    kind = "system"
    retryable = True

    def __init__(self, what: str, fix: str = "", code: str = "", until: datetime | None = None) -> None:
        super().__init__(what, fix, code)
        self.until = until

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self.what, self.fix, self.code, self.until))


class CancelledError(SyncError):
    """The run was cancelled before it committed; the target is unchanged."""

    kind = "system"


class ContractError(SyncError):
    """A plugin, or this program itself, did not keep its promise."""

    kind = "system"
