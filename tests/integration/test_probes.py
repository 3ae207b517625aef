"""test-connection tells DNS, TCP, TLS, login, database, right and table apart, each with its fix."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from sync_provider.core.contracts import ConnectionInfo, Plan, SchedulePlan, SourcePlan, TargetPlan
from sync_provider.core.engine import probe_source, probe_target
from sync_provider.core.systems.csv.format import CsvFormat
from sync_provider.core.systems.csv.probe import probe as probe_files
from sync_provider.core.systems.probing import ProbeStep, Wanted, probe
from tests.services.postgres import execute


def names(steps: list[ProbeStep]) -> list[tuple[str, bool]]:
    assert all(step.ok or step.fix for step in steps), steps
    return [(step.name, step.ok) for step in steps]


@pytest.fixture
def silent() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_all_is_well(postgres: ConnectionInfo) -> None:
    execute(postgres, "CREATE TABLE orders (a int)")
    steps = probe(postgres, [Wanted("orders", "public"), Wanted("new", "ods", ("INSERT",), True)])
    assert names(steps) == [
        ("dns", True), ("tcp", True), ("tls", True), ("login", True), ("table public.orders", True),
        ("table ods.new", True),
    ]  # fmt: skip
    assert steps[3].message.startswith(f"sync is in database {postgres.schema} of PostgreSQL")
    assert steps[5].message == "will be created with its schema ods"


def test_each_step_fails_by_its_own_name(postgres: ConnectionInfo) -> None:
    assert names(probe(replace(postgres, host="no-such-host.invalid"))) == [("dns", False)]
    with socket.create_server(("127.0.0.1", 0)) as server:
        closed = server.getsockname()[1]
    assert names(probe(replace(postgres, port=closed)))[-1] == ("tcp", False)
    strict = probe(replace(postgres, extra={"sslmode": "require"}))
    assert names(strict)[-1] == ("tls", False)
    assert strict[-1].message == "the server offers no TLS, sslmode is require"
    wrong = probe(replace(postgres, password="wr0ng"))
    assert names(wrong)[-1] == ("login", False)
    assert "wr0ng" not in str(wrong)
    assert names(probe(replace(postgres, schema="no_such_db")))[-1] == ("database", False)
    assert names(probe(postgres, [Wanted("no such", "public")]))[-1] == ("table public.no such", False)
    assert probe(postgres, [Wanted("t", "nowhere")])[-1].message == "schema nowhere does not exist"


def test_a_server_that_says_nothing_is_given_up_in_time(postgres: ConnectionInfo, silent: int) -> None:
    started = time.monotonic()
    assert names(probe(replace(postgres, port=silent))) == [("dns", True), ("tcp", True), ("tls", False)]
    assert time.monotonic() - started < 6


def test_missing_rights_come_with_their_grant(postgres: ConnectionInfo) -> None:
    role = f"poor_{os.getpid()}"
    execute(postgres, f"CREATE TABLE orders (a int); CREATE SCHEMA hidden; CREATE ROLE {role} LOGIN PASSWORD 'x'")
    poor = replace(postgres, login=role, password="x")
    try:
        steps = probe(poor, [Wanted("orders", "public"), Wanted("t", "hidden"), Wanted("new", "public", (), True)])
        assert [(step.ok, step.fix) for step in steps[-3:]] == [
            (False, f"run as an administrator: GRANT SELECT ON public.orders TO {role}"),
            (False, f"run as an administrator: GRANT USAGE ON SCHEMA hidden TO {role}"),
            (False, f"run as an administrator: GRANT CREATE ON SCHEMA public TO {role}"),
        ]
    finally:
        execute(postgres, f"DROP OWNED BY {role}; DROP ROLE {role}")


def test_tls_that_works_and_a_certificate_that_does_not(postgres: ConnectionInfo, tmp_path: Path) -> None:
    folder = Path(str(execute(postgres, "SHOW data_directory")[0][0]))
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=other"]
    done = subprocess.run([*make, "-keyout", tmp_path / "key", "-out", tmp_path / "crt"], capture_output=True)
    if done.returncode:
        pytest.skip("needs openssl to make a certificate")
    owner = folder.stat()
    for name in ("key", "crt"):
        (folder / f"server.{name}").write_bytes((tmp_path / name).read_bytes())
        os.chown(folder / f"server.{name}", owner.st_uid, owner.st_gid)
        (folder / f"server.{name}").chmod(0o600)
    execute(postgres, "ALTER SYSTEM SET ssl = on")
    execute(postgres, "SELECT pg_reload_conf()")
    try:
        time.sleep(0.5)
        (step,) = [step for step in probe(replace(postgres, extra={"sslmode": "require"})) if step.name == "tls"]
        assert (step.ok, step.message) == (True, "TLSv1.3, certificate not verified (sslmode require)")
        bad = probe(replace(postgres, extra={"sslmode": "verify-full", "sslrootcert": str(tmp_path / "crt")}))[-1]
        assert (bad.name, bad.ok) == ("tls", False)
        assert "certificate is refused" in bad.message
    finally:
        execute(postgres, "ALTER SYSTEM RESET ssl")
        execute(postgres, "SELECT pg_reload_conf()")


def test_sqlite(sqlite: ConnectionInfo, tmp_path: Path) -> None:
    assert names(probe(sqlite)) == [("file", False)]
    assert probe(sqlite, [Wanted("t", None, ("INSERT",), True)])[0].message.endswith("will be created")
    assert not Path(sqlite.host or "").exists()
    subprocess.run(["python3", "-c", f"import sqlite3; sqlite3.connect({sqlite.host!r}).execute('CREATE TABLE a (b)')"])
    assert names(probe(sqlite, [Wanted("a"), Wanted("c"), Wanted("d", None, (), True)])) == [
        ("file", True), ("database", True), ("table a", True), ("table c", False), ("table d", True),
    ]  # fmt: skip
    (tmp_path / "text").write_text("no database " * 100)
    assert names(probe(replace(sqlite, host=str(tmp_path / "text")))) == [("file", True), ("database", False)]
    assert names(probe(replace(sqlite, type="ftp"))) == [("type", False)]


def test_files(tmp_path: Path) -> None:
    (tmp_path / "o1.csv").write_text("a,b\n")
    assert probe_files("", str(tmp_path), "o*.csv", CsvFormat(), "i")[-1] == ProbeStep("header", True, "a, b")
    (tmp_path / "o2.csv").write_text("a,c\n")
    assert names(probe_files("", str(tmp_path), "o*.csv", CsvFormat(), "i"))[1] == ("header o2.csv", False)
    assert names(probe_files("", str(tmp_path / "x"), "o*.csv", CsvFormat(), "i")) == [("folder", False)]
    assert names(probe_files("", str(tmp_path), "x*.csv", CsvFormat(), "i")) == [("files", False)]
    (tmp_path / "o3.csv").write_bytes("中\n".encode("gbk"))
    assert names(probe_files("", str(tmp_path), "o3.csv", CsvFormat(), "i"))[-1] == ("header o3.csv", False)


def test_a_plan_is_tested_from_source_to_state_tables(postgres: ConnectionInfo, tmp_path: Path) -> None:
    def plan(source: SourcePlan) -> Plan:
        return Plan(
            "lib", "shop", "orders", source, TargetPlan("pg", "t", "ods"), "full", "append", SchedulePlan("once")
        )

    table = plan(SourcePlan("postgres", "pg", {"schema": "public"}))
    assert names(probe_source(table, lambda _: postgres))[-1] == ("table public.orders", False)
    execute(postgres, "CREATE TABLE orders (a int, b text)")
    assert probe_source(table, lambda _: postgres)[-1] == ProbeStep("read", True, "2 columns may be read")
    query = plan(SourcePlan("postgres", "pg", {"query": "SELECT nothing FROM orders"}))
    assert names(probe_source(query, lambda _: postgres))[-1] == ("read", False)
    files = plan(SourcePlan("file", None, {"path": str(tmp_path), "files": "*.csv"}))
    assert names(probe_source(files, lambda _: postgres)) == [("files", False)]
    steps = probe_target(table, lambda _: postgres)
    assert ("table ods.t", True) in names(steps)
    assert sum(step.name.startswith("table _sync_") for step in steps) == 6
