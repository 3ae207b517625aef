"""Testing a MySQL connection: DNS, TCP, TLS, login, tables, rights."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from sync_provider.core.contracts import ConnectionInfo
from sync_provider.core.errors import AuthenticationError, SyncError
from sync_provider.core.systems.dialling import dns, left, tcp
from sync_provider.core.systems.mysql.names import literal, qualified, quote
from sync_provider.core.systems.mysql.session import MySqlSession
from sync_provider.core.systems.probing import LIMIT_S, ProbeStep, Wanted

_PORT = 3306
#: which step an errno belongs to; any other is the login's
_STEPS = {"1044": "database", "1049": "database", "2026": "tls"}
_TLS = "SHOW SESSION STATUS LIKE 'Ssl_version'"
#: EXPLAIN asks for the right and does nothing
_TRIED = {
    "SELECT": "EXPLAIN SELECT 1 FROM {table} LIMIT 1",
    "INSERT": "EXPLAIN INSERT INTO {table} () VALUES ()",
    "UPDATE": "EXPLAIN UPDATE {table} SET {column} = NULL WHERE 1 = 0",
    "DELETE": "EXPLAIN DELETE FROM {table} WHERE 1 = 0",
}
_ME = "concat('''', replace(current_user(), '@', '''@'''), '''')"
_MAY_CREATE = """
SELECT 1 AS may FROM information_schema.user_privileges WHERE grantee = {me} AND privilege_type = 'CREATE'
UNION ALL SELECT 1 FROM information_schema.schema_privileges
WHERE grantee = {me} AND privilege_type = 'CREATE' AND {schema} LIKE table_schema"""
_REFUSED = ("1044", "1142", "1143", "1227", "1370")


def probe(info: ConnectionInfo, tables: Sequence[Wanted] = ()) -> list[ProbeStep]:
    """Test a connection; see `probing.probe`."""
    until = time.monotonic() + LIMIT_S
    steps: list[ProbeStep] = []
    if not info.extra.get("unix_socket"):
        for step in (dns, tcp):
            steps.append(step(info, _PORT, until))
            if not steps[-1].ok:
                return steps
    return steps + _login(info, tables, until)


def _login(info: ConnectionInfo, tables: Sequence[Wanted], until: float) -> list[ProbeStep]:
    hurried = replace(info, extra={**info.extra, "connect_timeout": max(1.0, left(until))})
    try:
        session = MySqlSession(hurried, interface="test-connection", reading=True)
    except SyncError as error:
        return [ProbeStep.failed(_STEPS.get(error.code, "login"), error)]
    steps = []
    try:
        steps.append(_tls(session))
        who = session.fetch("SELECT current_user() AS u, database() AS d, version() AS v")[0]
        server = "MariaDB" if session.is_mariadb else "MySQL"
        number = str(who["v"]).partition("-")[0]
        place = f"database {who['d']}" if who["d"] else "no database"
        steps.append(ProbeStep("login", True, f"{who['u']} is in {place} of {server} {number}"))
        steps += [_table(session, info, table) for table in tables]
    except SyncError as error:
        steps.append(ProbeStep.failed("table", error))
    finally:
        session.close()
    return steps


def _tls(session: MySqlSession) -> ProbeStep:
    found = session.fetch(_TLS)
    version = str(found[0]["Value"]) if found else ""
    return ProbeStep("tls", True, version or "the connection is not encrypted; set ssl_mode to require that")


def _table(session: MySqlSession, info: ConnectionInfo, wanted: Wanted) -> ProbeStep:
    name, schema = f"table {wanted.name}", wanted.schema or info.schema
    if not schema:
        fix = f"set the schema of Airflow connection '{info.id}', or `schema`"
        return ProbeStep(name, False, "neither the connection nor the YAML names its database", fix)
    database = f"information_schema.schemata WHERE schema_name = {literal(schema)}"
    if not session.fetch(f"SELECT 1 AS found FROM {database}"):
        return _missing(session, info, wanted, f"database {schema} does not exist", "its database")
    which = f"table_schema = {literal(schema)} AND table_name = {literal(wanted.table)}"
    columns = session.fetch(f"SELECT column_name AS name FROM information_schema.columns WHERE {which} LIMIT 1")
    if not columns:
        return _missing(session, info, wanted, "does not exist", "")
    place = {"table": qualified(schema, wanted.table), "column": quote(columns[0]["name"])}
    refused = [right for right in wanted.rights if not _may(session, _TRIED[right].format(**place))]
    if refused:
        fix = f"run as an administrator: GRANT {', '.join(refused)} ON {place['table']} TO {info.login}"
        return ProbeStep(name, False, f"login has no right to {', '.join(refused)}", fix)
    return ProbeStep(name, True, f"is there, {', '.join(wanted.rights)} granted")


def _missing(session: MySqlSession, info: ConnectionInfo, wanted: Wanted, said: str, more: str) -> ProbeStep:
    name, schema = f"table {wanted.name}", wanted.schema or info.schema or ""
    if not wanted.may_be_missing:
        return ProbeStep(name, False, said, "correct `table:` or the schema")
    if session.fetch(_MAY_CREATE.format(me=_ME, schema=literal(schema))):
        return ProbeStep(name, True, f"will be created with {more}" if more else "will be created")
    fix = f"run as an administrator: GRANT CREATE ON {quote(schema)}.* TO {info.login}"
    return ProbeStep(name, False, f"{said}, and login may not create it", fix)


def _may(session: MySqlSession, sql: str) -> bool:
    try:
        session.fetch(sql)
    except AuthenticationError as error:
        if error.code in _REFUSED:
            return False
        raise
    except SyncError:
        return True  # the right is looked at first
    return True
