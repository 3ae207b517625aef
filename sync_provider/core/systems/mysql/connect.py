"""Opening a mysqlclient connection from an Airflow connection: address, TLS, server settings, value forms."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Mapping
from datetime import datetime, time, timedelta, timezone
from typing import Any

from sync_provider.core.contracts import ConnectionInfo
from sync_provider.core.errors import ConnectError

#: what every session is strict about; `"name"` is a name and a backslash just a backslash, as in standard SQL
MODES = (
    "ANSI_QUOTES", "NO_BACKSLASH_ESCAPES", "PIPES_AS_CONCAT", "STRICT_ALL_TABLES", "STRICT_TRANS_TABLES",
    "ERROR_FOR_DIVISION_BY_ZERO", "NO_AUTO_VALUE_ON_ZERO", "NO_ENGINE_SUBSTITUTION",
)  # fmt: skip
#: writers refuse what is no date; readers meet them, and may name them in a condition
_NO_ZERO_DATES = ("NO_ZERO_DATE", "NO_ZERO_IN_DATE")
#: what every session sets; nobody waits for ever, and every warning is told
SETTINGS: dict[str, str] = {
    "time_zone": "+00:00",
    "lock_wait_timeout": "60",
    "innodb_lock_wait_timeout": "60",
    "net_read_timeout": "600",
    "net_write_timeout": "600",
    "wait_timeout": "28800",
    "max_error_count": "65535",
    "sql_notes": "1",
    "group_concat_max_len": "1048576",
}
#: MariaDB only: a writer that went silent does not keep its locks
_MARIADB = {"idle_write_transaction_timeout": "3600"}
_TLS_NEEDED = ("REQUIRED", "REQUIRE", "VERIFY_CA", "VERIFY_IDENTITY", "VERIFY_FULL")
_CONNECT_TIMEOUT_S = 15.0


def connect(
    info: ConnectionInfo,
    *,
    settings: Mapping[str, str] | None = None,
    isolation: str = "READ COMMITTED",
    reading: bool = False,
    local_infile: bool = False,
    timeout_s: float | None = None,
) -> Any:
    """Open a connection and set what every session sets.

    Args:
        settings: session variables over the default ones.
        reading: whether zero dates may be named.
        local_infile: whether the server may ask for what we load.
    """
    import MySQLdb
    from MySQLdb.constants import CLIENT

    seconds = timeout_s or float(info.extra.get("connect_timeout", _CONNECT_TIMEOUT_S))
    connection = MySQLdb.connect(
        **_address(info),
        charset="utf8mb4",
        use_unicode=True,
        autocommit=True,
        connect_timeout=max(1, round(seconds)),
        local_infile=int(local_infile),
        client_flag=CLIENT.FOUND_ROWS,  # an UPDATE counts the rows it found, as every other system does
        conv=_forms(),
    )
    try:
        _check_tls(connection, info)
        _keep_alive(connection)
        known = _MARIADB if "mariadb" in connection.get_server_info().lower() else {}
        wanted = {"sql_mode": sql_modes(MODES, reading=reading), **SETTINGS, **known, **(settings or {})}
        pairs = ", ".join(f"{name} = {_value(text)}" for name, text in wanted.items())
        for sql in (f"SET SESSION {pairs}", f"SET SESSION TRANSACTION ISOLATION LEVEL {isolation}"):
            connection.query(sql)
    except BaseException:
        connection.close()
        raise
    return connection


def sql_modes(modes: tuple[str, ...], *, reading: bool = False) -> str:
    """Return the value of sql_mode; writers refuse what is no date."""
    return ",".join(modes if reading else (*modes, *_NO_ZERO_DATES))


def _address(info: ConnectionInfo) -> dict[str, Any]:
    """Return what mysqlclient wants; what the connection does not say is left to its defaults."""
    tls = info.extra.get("ssl")
    mode = info.extra.get("ssl_mode") or info.extra.get("sslmode")
    wanted = {
        "host": info.host or None,
        "port": info.port,
        "user": info.login or None,
        "password": info.password or None,
        "database": info.schema or None,
        "unix_socket": info.extra.get("unix_socket"),
        "ssl": json.loads(tls) if isinstance(tls, str) and tls else tls or None,
        "ssl_mode": str(mode).upper().replace("-", "_") if mode else None,
    }
    return {key: value for key, value in wanted.items() if value is not None}


def _value(text: str) -> str:
    return text if text.isdigit() else "'" + text.replace("'", "''") + "'"


def _check_tls(connection: Any, info: ConnectionInfo) -> None:
    """Refuse a connection in the clear where `ssl_mode` wants another: the client library may go on without.

    Raises:
        ConnectError: it is not encrypted.
    """
    mode = str(info.extra.get("ssl_mode") or info.extra.get("sslmode") or "").upper().replace("-", "_")
    if mode not in _TLS_NEEDED:
        return
    connection.query("SHOW SESSION STATUS LIKE 'Ssl_cipher'")
    rows = connection.store_result().fetch_row(0)
    if not rows or not rows[0][1]:
        raise ConnectError(
            f"mysql connection '{info.id}': the server offers no TLS, ssl_mode is {mode}",
            "turn on TLS in the server's configuration, or lower ssl_mode",
            "2026",
        )


def _keep_alive(connection: Any) -> None:
    """Notice a lost peer within a minute, where the platform can."""
    with socket.fromfd(connection.fileno(), socket.AF_INET, socket.SOCK_STREAM) as beside:
        if beside.family not in (socket.AF_INET, socket.AF_INET6) or connection.get_host_info().endswith("UNIX socket"):
            return
        beside.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        wanted = (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3), ("TCP_USER_TIMEOUT", 60_000))
        for name, value in wanted:
            if hasattr(socket, name):
                beside.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _forms() -> dict[Any, Any]:
    """Return mysqlclient's converters with ours: times of day as such, TIMESTAMP and aware times in UTC."""
    from MySQLdb.constants import FIELD_TYPE
    from MySQLdb.converters import conversions
    from MySQLdb.times import DateTime_or_None, TimeDelta_or_None

    def of_day(text: str) -> time | timedelta | None:
        found: timedelta | None = TimeDelta_or_None(text)
        if found is None or not timedelta(0) <= found < timedelta(days=1):
            return found
        return (datetime.min + found).time()

    def aware(text: str) -> datetime | None:
        moment: datetime | None = DateTime_or_None(text)
        return moment.replace(tzinfo=timezone.utc) if moment else None

    def written(moment: datetime, _: Any) -> str:
        if moment.tzinfo is not None:
            moment = moment.astimezone(timezone.utc).replace(tzinfo=None)
        return "'" + moment.isoformat(" ", "microseconds") + "'"

    return {**conversions, FIELD_TYPE.TIME: of_day, FIELD_TYPE.TIMESTAMP: aware, datetime: written}


def driver_errors() -> tuple[type[Exception], ...]:
    """Return what a call of the driver may fail with."""
    import MySQLdb

    return (MySQLdb.Error, OSError)


def hang_up(connection: Any) -> None:
    """Close a connection."""
    connection.close()


def unbuffered(connection: Any, sql: str) -> Any:
    """Execute a query and return its result, of which no row is fetched yet; values are the server's own texts."""
    from MySQLdb import _mysql

    connection.query(sql)
    return _mysql.result(connection, 1, {})


def described(connection: Any, sql: str) -> list[tuple[Any, ...]]:
    """Execute a query without rows and return its columns as the protocol describes them, with their flags."""
    from MySQLdb import _mysql

    connection.query(sql)
    result = _mysql.result(connection, 0, {})
    return [(*column, flags) for column, flags in zip(result.describe(), result.field_flags(), strict=True)]


def drain(result: Any) -> None:
    """Take what is still on its way of a query that was killed."""
    with contextlib.suppress(*driver_errors()):
        while result.fetch_row(10_000, 0):
            pass


def cut(connection: Any) -> None:
    """Shut the socket down under whatever waits for it."""
    with contextlib.suppress(*driver_errors()), socket.socket(fileno=os.dup(connection.fileno())) as beside:
        beside.shutdown(socket.SHUT_RDWR)
