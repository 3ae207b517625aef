"""asyncpg and network exceptions → our errors, by SQLSTATE."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

from sync_provider.core.contracts import ConnectionInfo
from sync_provider.core.errors import (
    AuthenticationError,
    CancelledError,
    ConfigError,
    ConnectError,
    ContractError,
    DataError,
    ResourceError,
    SyncError,
)

#: exact SQLSTATE, or its class of two characters → (error, fix); the exact one wins
_BY_STATE: dict[str, tuple[type[SyncError], str]] = {
    "08": (ConnectError, "check that the server is up; this is retried"),
    "0A": (ConfigError, "use another way: this server version cannot do it"),
    "22P04": (ContractError, "report this with the log"),
    "22": (DataError, "correct the value at the source or change the column's type"),
    "23": (DataError, "correct the rows at the source or relax the constraint"),
    "25P03": (ConnectError, "raise idle_in_transaction_session_timeout on the server; this is retried"),
    "25006": (ConfigError, "connect to the primary: this server is read-only"),
    "28": (AuthenticationError, "update login and password in Airflow connection '{id}'; this is not retried"),
    "3D000": (ConfigError, "correct the database name (schema) of Airflow connection '{id}'"),
    "3F000": (ConfigError, "create the schema, or correct its name"),
    "40": (ResourceError, "nothing: this is retried"),
    "42": (ConfigError, "correct the name or the expression in the YAML"),
    "42501": (AuthenticationError, "grant what is missing to login '{login}'; this is not retried"),
    "44": (DataError, "correct the rows at the source or relax the constraint"),
    "53": (ResourceError, "free the resource on the server, or raise its limit; this is retried"),
    "55": (ResourceError, "find who holds it in pg_stat_activity; this is retried"),
    "57014": (ResourceError, "raise statement_timeout for this login, or read less at once"),
    "57": (ConnectError, "wait until the server is back; this is retried"),
    "58": (ResourceError, "look at the server's log and disk; this is retried"),
    "P0001": (DataError, "look at the trigger or function that refused the row"),
    "XX": (ResourceError, "look at the server's log; this is retried"),
}


def where(info: ConnectionInfo) -> str:
    """Return how messages name this connection: `postgres connection 'crm_db'`."""
    return f"postgres connection '{info.id}'"


def address(info: ConnectionInfo) -> str:
    """Return `host:port` as it is dialled."""
    return f"{info.host or 'localhost'}:{info.port or 5432}"


def stopped(info: ConnectionInfo) -> CancelledError:
    """Return the error of a statement that `Session.cancel` stopped."""
    return CancelledError(
        f"{where(info)}: the statement was cancelled", "start the run again when you want it to go on"
    )


def classify(error: BaseException, info: ConnectionInfo) -> SyncError:
    """Return our error for one of asyncpg's, the network's or SSL's; raise it `from` the original.

    Only the server's primary message is used: no SQL, no parameters, no password.
    """
    if isinstance(error, SyncError):
        return error
    state = str(getattr(error, "sqlstate", "") or "")
    if state:
        return _by_state(error, state, info)
    return _by_kind(error, info)


def _by_state(error: Any, state: str, info: ConnectionInfo) -> SyncError:
    kind, fix = _BY_STATE.get(state) or _BY_STATE.get(state[:2]) or (ContractError, "")
    fix = fix.format(id=info.id, login=info.login or "")
    if state[:2] == "28":
        text = f"login '{info.login or ''}' refused by {address(info)}"
        return kind(f"{where(info)}: {text} (SQLSTATE {state})", fix, state)
    return kind(f"{where(info)}: {_first_line(error)} (SQLSTATE {state})", fix, state)


def _by_kind(error: BaseException, info: ConnectionInfo) -> SyncError:
    place = f"{where(info)}: {address(info)}"
    text = _first_line(error)
    if isinstance(error, ssl.SSLError):
        return ConnectError(f"{place}: TLS failed: {text}", "check sslmode and sslrootcert in the connection's extra")
    if isinstance(error, (TimeoutError, asyncio.TimeoutError)):
        return ConnectError(f"{place} did not answer in time", "check host, port and firewall; this is retried")
    if isinstance(error, OSError):
        return ConnectError(
            f"{place}: {text}", "check host, port and that the server is up; this is retried", _errno(error)
        )
    if isinstance(error, ImportError):
        return ConfigError(
            f"{where(info)}: the package {error.name!r} is not installed",
            "install the extra: pip install 'airflow-provider-sync[postgres]'",
        )
    name = type(error).__name__
    if name in ("ConnectionDoesNotExistError", "InterfaceError", "InternalClientError"):
        return ConnectError(f"{place}: connection lost: {text}", "check the server's log; this is retried")
    if name in ("ClientConfigurationError", "ValueError"):
        return ConfigError(f"{where(info)}: {text}", f"correct Airflow connection '{info.id}'")
    return ContractError(f"{where(info)}: {name}: {text}", "report this with the log")


def _errno(error: OSError) -> str:
    return str(error.errno) if error.errno else ""


def _first_line(error: BaseException) -> str:
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0]
