"""mysqlclient and network exceptions → our errors, by the server's errno."""

from __future__ import annotations

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

_AGAIN = "nothing: this is retried"
_GRANT = "grant what is missing to login '{login}'; this is not retried"
_NAMES = "correct the name or the expression in the YAML"
_ROWS = "correct the rows at the source or relax the constraint"
_VALUE = "correct the value at the source or change the column's type"
_UP = "check host, port and that the server is up; this is retried"
_SPACE = "free the resource on the server, or raise its limit; this is retried"
_TLS = "check `ssl` and `ssl_mode` in the connection's extra"

_GROUPS: tuple[tuple[type[SyncError], str, tuple[int, ...]], ...] = (
    (AuthenticationError, "update login and password in Airflow connection '{id}'; this is not retried",
     (1045, 1251, 1524, 1698, 1862, 2059, 3118, 4151)),
    (AuthenticationError, _GRANT, (1044, 1095, 1142, 1143, 1227, 1370, 1410)),
    (ConfigError, "correct the database name (schema) of Airflow connection '{id}'", (1046, 1049)),
    (ConfigError, _NAMES, (1051, 1052, 1054, 1060, 1064, 1072, 1091, 1109, 1146, 1149, 1166, 1193, 1231, 1305, 1356)),
    (ConfigError, "connect to the primary: this server is read-only", (1290, 1836)),
    (ConfigError, "shorten it", (1059, 1071)),
    (ConfigError, "set binlog_format to MIXED or ROW on the server", (1665,)),
    (ConfigError, "use another way: this server version cannot do it", (1235, 1178)),
    (ConnectError, _UP, (2001, 2002, 2003, 2004, 2005, 2006, 2009, 2011, 2012, 2013, 2024, 2055)),
    (ConnectError, "wait until the server is back; this is retried", (1053, 1077, 1079, 1080, 1152, 1158, 1159, 1160,
                                                                     1161, 1184, 1927, 3169)),
    (ConnectError, _TLS, (2026,)),
    (ResourceError, _AGAIN, (1205, 1213, 1020)),
    (ResourceError, _SPACE, (1021, 1037, 1038, 1040, 1041, 1114, 1135, 1203, 1206, 1226, 1197, 1180, 1030, 3024)),
    (ResourceError, "raise max_statement_time for this login, or read less at once", (1317, 1969)),
    (ResourceError, "raise max_allowed_packet on the server, or set a smaller `batch`", (1153, 2020)),
    (DataError, _ROWS, (1022, 1048, 1062, 1169, 1216, 1217, 1364, 1451, 1452, 1557, 1569, 1586, 1690, 3819, 4025)),
    (DataError, _VALUE, (1118, 1261, 1262, 1263, 1264, 1265, 1292, 1300, 1365, 1366, 1406, 1411, 1416, 1425, 1439,
                         1441, 1525, 1526, 1367, 3140, 3156, 4038, 4078, 4079)),
    (DataError, "look at the trigger or procedure that refused the row", (1442, 1644)),
)  # fmt: skip
_BY_ERRNO = {number: (kind, fix) for kind, fix, numbers in _GROUPS for number in numbers}
#: SQLSTATE classes, where the errno is not known: (kind, fix)
_BY_CLASS = {
    "08": (ConnectError, _UP), "21": (DataError, _VALUE), "22": (DataError, _VALUE), "23": (DataError, _ROWS),
    "28": (AuthenticationError, _GRANT), "40": (ResourceError, _AGAIN), "42": (ConfigError, _NAMES),
    "45": (DataError, "look at the trigger or procedure that refused the row"),
}  # fmt: skip
#: mysqlclient's own exception classes, where nothing else is known
_BY_NAME = {"IntegrityError": (DataError, _ROWS), "DataError": (DataError, _VALUE)}
_PORT = 3306
#: smaller numbers are of the server's files
_FIRST = 1000


def where(info: ConnectionInfo) -> str:
    """Return how messages name this connection: `mysql connection 'crm_db'`."""
    return f"mysql connection '{info.id}'"


def address(info: ConnectionInfo) -> str:
    """Return `host:port` as it is dialled, or the socket."""
    return str(info.extra.get("unix_socket") or f"{info.host or 'localhost'}:{info.port or _PORT}")


def stopped(info: ConnectionInfo) -> CancelledError:
    """Return the error of a statement that `Session.cancel` stopped."""
    return CancelledError(
        f"{where(info)}: the statement was cancelled", "start the run again when you want it to go on"
    )


def classify(error: BaseException, info: ConnectionInfo, state: str = "") -> SyncError:
    """Return our error for one of mysqlclient's or the network's; raise it `from` the original.

    Only the server's message is used: no SQL, no parameters, no password.

    Args:
        state: the connection's SQLSTATE, for errors whose number is not known here.
    """
    if isinstance(error, SyncError):
        return error
    if isinstance(error, ImportError):
        return ConfigError(
            f"{where(info)}: the package {error.name!r} is not installed",
            "install the extra: pip install 'airflow-provider-sync[mysql]'",
        )
    number, text = number_of(error), message_of(error)
    found = _BY_ERRNO.get(number) or _BY_CLASS.get(state[:2]) or _BY_NAME.get(type(error).__name__)
    if found is None and 0 < number < _FIRST:
        found = (ResourceError, "look at the server's log and disk; this is retried")
    if found is None:
        return _unknown(error, number, text, info)
    kind, fix = found
    fix, code = fix.format(id=info.id, login=info.login or ""), str(number or state)
    if number == 1045:
        text = f"login '{info.login or ''}' refused by {address(info)}"
    elif kind is ConnectError:
        text = f"{address(info)}: {text}"
    return kind(f"{where(info)}: {text} (error {code})", fix, code)


def number_of(error: BaseException) -> int:
    """Return the server's or the client's error number, 0 where there is none."""
    first = error.args[0] if error.args else 0
    return first if isinstance(first, int) else 0


def message_of(error: BaseException) -> str:
    """Return the first line of what the server said."""
    text = str(error.args[1]) if len(error.args) > 1 else str(error)
    return (text.strip() or type(error).__name__).splitlines()[0]


def _unknown(error: BaseException, number: int, text: str, info: ConnectionInfo) -> SyncError:
    name = type(error).__name__
    if isinstance(error, OSError):
        return ConnectError(f"{where(info)}: {address(info)}: {text}", _UP, str(error.errno or ""))
    if name == "InterfaceError":  # the client side of a connection that is gone
        return ConnectError(f"{where(info)}: {address(info)}: connection lost: {text}", _UP, str(number or ""))
    if isinstance(error, (TypeError, ValueError)):
        return ConfigError(f"{where(info)}: {text}", f"correct Airflow connection '{info.id}'")
    said = f"{text} (error {number})" if number else text
    return ContractError(f"{where(info)}: {name}: {said}", "report this with the log", str(number or ""))
