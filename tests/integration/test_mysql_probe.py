"""test-connection on MariaDB tells address, port, TLS, login, database, table and right apart, each with its fix."""

from __future__ import annotations

import socket
from dataclasses import replace

from sync_provider.core.contracts import ConnectionInfo
from sync_provider.core.systems.probing import ProbeStep, Wanted, probe
from tests.services.mariadb import execute

_ALL = ("SELECT", "INSERT", "UPDATE", "DELETE")


def names(steps: list[ProbeStep]) -> list[tuple[str, bool]]:
    assert all(step.ok or step.fix for step in steps), steps
    return [(step.name, step.ok) for step in steps]


def test_all_is_well(mariadb: ConnectionInfo) -> None:
    execute(mariadb, "CREATE TABLE orders (a int NOT NULL)")
    steps = probe(
        mariadb, [Wanted("orders", None, _ALL), Wanted("new", "ods", _ALL, True), Wanted("n", None, _ALL, True)]
    )
    assert names(steps) == [
        ("dns", True), ("tcp", True), ("tls", True), ("login", True), ("table orders", True), ("table ods.new", True),
        ("table n", True),
    ]  # fmt: skip
    assert steps[3].message.startswith(f"sync@% is in database {mariadb.schema} of MariaDB 1")
    assert steps[5].message == "will be created with its database"
    assert execute(mariadb, "SELECT count(*) FROM orders") == [(0,)]


def test_each_step_fails_by_its_own_name(mariadb: ConnectionInfo) -> None:
    assert names(probe(replace(mariadb, host="no-such-host.invalid"))) == [("dns", False)]
    with socket.create_server(("127.0.0.1", 0)) as server:
        closed = server.getsockname()[1]
    assert names(probe(replace(mariadb, port=closed)))[-1] == ("tcp", False)
    assert names(probe(replace(mariadb, extra={"ssl_mode": "REQUIRED"})))[-1] == ("tls", False)
    wrong = probe(replace(mariadb, password="wr0ng"))
    assert names(wrong)[-1] == ("login", False)
    assert "wr0ng" not in str(wrong)
    assert names(probe(replace(mariadb, schema="no_such_db")))[-1] == ("database", False)
    assert names(probe(mariadb, [Wanted("no such")]))[-1] == ("table no such", False)
    assert "names its database" in probe(replace(mariadb, schema=None), [Wanted("t")])[-1].message


def test_a_missing_right_is_named(mariadb: ConnectionInfo) -> None:
    execute(mariadb, "CREATE TABLE orders (a int NOT NULL)")
    role = f"modest_{mariadb.schema}"
    execute(mariadb, f"CREATE USER {role} IDENTIFIED BY 'x'")
    execute(mariadb, f"GRANT SELECT, INSERT ON {mariadb.schema}.orders TO {role}")
    modest = replace(mariadb, login=role, password="x")
    steps = probe(modest, [Wanted("orders"), Wanted("orders", None, _ALL), Wanted("new", None, _ALL, True)])
    assert [step.ok for step in steps[-3:]] == [True, False, False]
    assert steps[-2].message == "login has no right to UPDATE, DELETE"
    assert steps[-2].fix.endswith(f"GRANT UPDATE, DELETE ON `{mariadb.schema}`.`orders` TO {role}")
    assert "GRANT CREATE" in steps[-1].fix
    execute(mariadb, f"DROP USER {role}")
