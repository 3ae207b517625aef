"""SQLAlchemy's and any driver's exceptions → our errors, as far as the kind of exception and its words tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync_provider.core.contracts import ConnectionInfo
from sync_provider.core.errors import (
    AuthenticationError,
    ConfigError,
    ConnectError,
    ContractError,
    DataError,
    ResourceError,
    SyncError,
)

if TYPE_CHECKING:
    import sqlalchemy as sa

_LOGIN = ("password", "login failed", "access denied", "authentication", "permission denied", "not authorized")
_WRONG = (
    "no such",
    "syntax error",
    "does not exist",
    "doesn't exist",
    "unknown column",
    "invalid object name",
    "near ",
)
_UNREACHED = ("could not connect", "connection refused", "timed out", "timeout", "server closed", "lost connection",
              "gone away", "terminat", "could not translate", "connection failed", "is closed")  # fmt: skip


def where(info: ConnectionInfo) -> str:
    """Return how messages name this connection: `sql connection 'crm_db'`."""
    return f"sql connection '{info.id}'"


def classify(error: Exception, info: ConnectionInfo) -> SyncError:
    """Return our error for one of SQLAlchemy's or a driver's; raise it `from` None: theirs holds SQL and values."""
    import sqlalchemy as sa

    if isinstance(error, SyncError):
        return error
    if isinstance(error, sa.exc.NoSuchModuleError | ImportError):
        return ConfigError(
            f"{where(info)}: {_first_line(error)}",
            "install the package of this dialect, or correct `dialect:`",
        )
    if isinstance(error, sa.exc.DBAPIError):
        return _by_driver(error, info)
    if isinstance(error, sa.exc.ArgumentError | sa.exc.CompileError | sa.exc.InvalidRequestError):
        return ConfigError(f"{where(info)}: {_first_line(error)}", "correct the connection or the names in the YAML")
    if isinstance(error, ValueError | TypeError | OverflowError):
        # drivers raise these for values that Python cannot hold; their words hold the value
        return DataError(
            f"{where(info)}: the driver cannot read a value: {type(error).__name__}",
            "cast the column to text in a `query:`, or correct the value",
        )
    return ContractError(f"{where(info)}: {type(error).__name__}: {_first_line(error)}", "report this with the log")


def _by_driver(error: sa.exc.DBAPIError, info: ConnectionInfo) -> SyncError:
    import sqlalchemy as sa

    original = error.orig if error.orig is not None else error
    said, code = _first_line(original), _code(original)
    text = f"{where(info)}: {said}" + (f" ({code})" if code else "")
    low = said.lower()
    if any(words in low for words in _LOGIN) or code[:2] == "28":
        fix = f"check login, password and rights of Airflow connection '{info.id}'; this is not retried"
        return AuthenticationError(text, fix, code)
    if error.connection_invalidated or any(words in low for words in _UNREACHED) or code[:2] == "08":
        return ConnectError(text, "check host, port and that the server is up; this is retried", code)
    if isinstance(error, sa.exc.DataError | sa.exc.IntegrityError):
        return DataError(text, "cast the column to text in a `query:`, or correct the value at the source", code)
    wrong = isinstance(error, sa.exc.ProgrammingError | sa.exc.NotSupportedError)
    if wrong or any(words in low for words in _WRONG):
        return ConfigError(text, "correct the name or the SQL in the YAML", code)
    return ResourceError(text, "look at the server's log; this is retried", code)


def _code(error: BaseException) -> str:
    found = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)
    return str(found or "")


def _first_line(error: BaseException) -> str:
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0]
