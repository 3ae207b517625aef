"""Testing a PostgreSQL connection: DNS, TCP, TLS, login, tables, rights."""

from __future__ import annotations

import socket
import ssl
import struct
import time
from collections.abc import Sequence
from dataclasses import replace

from sync_provider.core.contracts import ConnectionInfo
from sync_provider.core.errors import SyncError
from sync_provider.core.systems.dialling import dial, dns, left, tcp
from sync_provider.core.systems.postgres.errors import address
from sync_provider.core.systems.postgres.names import literal, qualified
from sync_provider.core.systems.postgres.session import PgSession
from sync_provider.core.systems.probing import LIMIT_S, ProbeStep, Wanted

#: what a client sends to ask for TLS
_SSL_REQUEST = struct.pack("!ii", 8, 80877103)
_PORT = 5432
_TLS_NEEDED = ("require", "verify-ca", "verify-full")


def probe(info: ConnectionInfo, tables: Sequence[Wanted] = ()) -> list[ProbeStep]:
    """Test a connection; see `probing.probe`."""
    until = time.monotonic() + LIMIT_S
    steps: list[ProbeStep] = []
    if not (info.host or "").startswith("/"):  # a folder with a Unix socket
        for step in (dns, tcp, _tls):
            steps.append(step(info, _PORT, until))
            if not steps[-1].ok:
                return steps
    return steps + _login(info, tables, until)


def _tls(info: ConnectionInfo, port: int, until: float) -> ProbeStep:
    mode = str(info.extra.get("sslmode", "prefer"))
    if mode == "disable":
        return ProbeStep("tls", True, "not asked for (sslmode disable)")
    try:
        with dial(info, port, until) as dialled:
            dialled.sendall(_SSL_REQUEST)
            answer = dialled.recv(1)
            if answer == b"S":
                return ProbeStep("tls", True, _handshake(info, mode, dialled))
    except ssl.SSLCertVerificationError as error:
        fix = "set sslrootcert to the authority that signed it, or connect by the name in it"
        return ProbeStep("tls", False, f"the server's certificate is refused: {error.verify_message}", fix)
    except (OSError, ValueError) as error:
        return ProbeStep(
            "tls", False, f"TLS failed: {error}", "check sslmode and sslrootcert in the connection's extra"
        )
    if answer != b"N":
        return ProbeStep("tls", False, f"{address(info)} is not PostgreSQL", "correct host and port")
    if mode in _TLS_NEEDED:
        fix = "turn on ssl in the server's configuration, or lower sslmode"
        return ProbeStep("tls", False, f"the server offers no TLS, sslmode is {mode}", fix)
    return ProbeStep("tls", True, f"the server offers none, sslmode {mode} goes on without")


def _handshake(info: ConnectionInfo, mode: str, dialled: socket.socket) -> str:
    root = info.extra.get("sslrootcert")
    context = ssl.create_default_context(cafile=str(root) if root else None)
    context.check_hostname = mode == "verify-full"
    if mode not in ("verify-ca", "verify-full"):
        context.verify_mode = ssl.CERT_NONE
    if info.extra.get("sslcert"):
        context.load_cert_chain(str(info.extra["sslcert"]), str(info.extra.get("sslkey") or "") or None)
    with context.wrap_socket(dialled, server_hostname=info.host or "localhost") as secured:
        verified = "verified" if context.verify_mode == ssl.CERT_REQUIRED else f"not verified (sslmode {mode})"
        return f"{secured.version()}, certificate {verified}"


def _login(info: ConnectionInfo, tables: Sequence[Wanted], until: float) -> list[ProbeStep]:
    hurried = replace(info, extra={**info.extra, "connect_timeout": left(until)})
    limit = {"statement_timeout": f"{int(left(until) * 1000)}"}
    try:
        session = PgSession(hurried, interface="test-connection", settings=limit)
    except SyncError as error:
        return [ProbeStep.failed("database" if error.code == "3D000" else "login", error)]
    steps = []
    try:
        who = session.fetch("SELECT current_user::text AS u, current_database()::text AS d, version() AS v")[0]
        server = " ".join(str(who["v"]).split()[:2])
        steps.append(ProbeStep("login", True, f"{who['u']} is in database {who['d']} of {server}"))
        steps += [_table(session, info, table) for table in tables]
    except SyncError as error:
        steps.append(ProbeStep.failed("table", error))
    finally:
        session.close()
    return steps


def _table(session: PgSession, info: ConnectionInfo, wanted: Wanted) -> ProbeStep:
    name, schema = f"table {wanted.name}", wanted.schema
    if schema and not session.fetch(f"SELECT to_regnamespace(quote_ident({literal(schema)})) AS n")[0]["n"]:
        return _missing_schema(session, info, wanted)
    relation = literal(qualified(schema, wanted.table))
    if schema and not _may(session, f"has_schema_privilege({literal(schema)}, 'USAGE')"):
        return ProbeStep(name, False, f"login may not use schema {schema}", _grant("USAGE", f"SCHEMA {schema}", info))
    if session.fetch(f"SELECT to_regclass({relation}) IS NULL AS missing")[0]["missing"]:
        return _missing_table(session, info, wanted)
    rights = [right for right in wanted.rights if not _may(session, f"has_table_privilege({relation}, '{right}')")]
    if rights == ["SELECT"] and _may(session, f"has_any_column_privilege({relation}, 'SELECT')"):
        return ProbeStep(name, True, "some of its columns may be read")
    if rights:
        fix = _grant(", ".join(rights), wanted.name, info)
        return ProbeStep(name, False, f"login has no right to {', '.join(rights)}", fix)
    return ProbeStep(name, True, f"is there, {', '.join(wanted.rights)} granted")


def _missing_schema(session: PgSession, info: ConnectionInfo, wanted: Wanted) -> ProbeStep:
    name, schema = f"table {wanted.name}", wanted.schema
    if wanted.may_be_missing and _may(session, "has_database_privilege(current_database(), 'CREATE')"):
        return ProbeStep(name, True, f"will be created with its schema {schema}")
    fix = f"run: CREATE SCHEMA {schema} AUTHORIZATION {info.login}" if wanted.may_be_missing else "correct the schema"
    return ProbeStep(name, False, f"schema {schema} does not exist", fix)


def _missing_table(session: PgSession, info: ConnectionInfo, wanted: Wanted) -> ProbeStep:
    name, schema = f"table {wanted.name}", wanted.schema
    if not wanted.may_be_missing:
        return ProbeStep(name, False, "does not exist", "correct `table:` or the schema")
    place = literal(schema) if schema else "current_schema()"
    if _may(session, f"has_schema_privilege({place}, 'CREATE')"):
        return ProbeStep(name, True, "will be created")
    fix = _grant("CREATE", f"SCHEMA {schema or 'public'}", info)
    return ProbeStep(name, False, "does not exist, and login may not create it", fix)


def _may(session: PgSession, privilege: str) -> bool:
    return bool(session.fetch(f"SELECT {privilege} AS may")[0]["may"])


def _grant(rights: str, what: str, info: ConnectionInfo) -> str:
    return f"run as an administrator: GRANT {rights} ON {what} TO {info.login}"
