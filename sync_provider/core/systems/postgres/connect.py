"""Opening an asyncpg connection from an Airflow connection: address, TLS, server settings."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from sync_provider.core.contracts import ConnectionInfo

if TYPE_CHECKING:
    import asyncpg

#: what every session sets; text forms are fixed, a lost peer is noticed, nobody waits for ever, and what others
#: commit is seen: under another isolation each heartbeat would break the transaction that looks at the lease
SETTINGS: dict[str, str] = {
    "timezone": "UTC",
    "datestyle": "ISO, YMD",
    "intervalstyle": "postgres",
    "bytea_output": "hex",
    "standard_conforming_strings": "on",
    "default_transaction_isolation": "read committed",
    "lock_timeout": "60s",
    "idle_in_transaction_session_timeout": "1h",
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "60000",
}

#: keys of the connection's extra that asyncpg reads from a DSN under the same name
_TLS = ("sslmode", "sslcert", "sslkey", "sslrootcert", "sslcrl", "sslpassword", "ssl_min_protocol_version")
_CONNECT_TIMEOUT_S = 15.0
#: from this version on a server can notice in the middle of a query that nobody is there any more (we were killed)
_NOTICES = 14


async def connect(info: ConnectionInfo, interface: str, settings: Mapping[str, str]) -> asyncpg.Connection:
    """Open a connection and set what every session sets."""
    import asyncpg

    name = f"sync-provider {interface}".strip()
    connection = await asyncpg.connect(
        **_address(info),
        timeout=float(info.extra.get("connect_timeout", _CONNECT_TIMEOUT_S)),
        statement_cache_size=0,  # poolers between us and the server, and tables that change shape under us
        server_settings={"application_name": name.encode("ascii", "replace").decode()[:63]},
    )
    wanted = {**SETTINGS, **_options(str(info.extra.get("options", ""))), **settings}
    # one statement, not startup parameters: those a pooler refuses
    calls = ", ".join(f"set_config(${2 * i + 1}, ${2 * i + 2}, false)" for i in range(len(wanted)))
    try:
        await connection.execute(f"SELECT {calls}", *(text for pair in wanted.items() for text in pair))
        if connection.get_server_version().major >= _NOTICES:
            with contextlib.suppress(asyncpg.PostgresError):  # not on every platform
                await connection.execute("SET client_connection_check_interval = '2s'")
    except BaseException:
        connection.terminate()
        raise
    return connection


def _address(info: ConnectionInfo) -> dict[str, Any]:
    """Return what `asyncpg.connect` wants; what the connection does not say is left to its defaults."""
    tls = {key: str(info.extra[key]) for key in _TLS if info.extra.get(key)}
    wanted = {
        "dsn": f"postgresql:///?{urlencode(tls)}" if tls else None,
        "host": info.host or None,
        "port": info.port,
        "user": info.login or None,
        "password": info.password or None,
        "database": info.schema or None,
    }
    return {key: value for key, value in wanted.items() if value is not None}


def _options(text: str) -> dict[str, str]:
    """Read libpq's `options`: `-c name=value` and `--name=value`."""
    words = [word for word in shlex.split(text) if word != "-c"]
    pairs = (word.removeprefix("-c").lstrip("-").partition("=") for word in words)
    return {name.replace("-", "_"): value for name, _, value in pairs if value}
