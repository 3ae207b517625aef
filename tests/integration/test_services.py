"""The test servers themselves: fresh databases, real passwords, nothing left behind."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from dataclasses import replace

import MySQLdb
import psutil
import psycopg
import pytest

from sync_provider.core.contracts import ConnectionInfo
from tests.services import mariadb as mariadb_service
from tests.services.mariadb import MariadbServer
from tests.services.postgres import PostgresServer, execute
from tests.services.processes import wait_for


@pytest.mark.parametrize("turn", [1, 2])
def test_each_test_gets_an_empty_database(postgres: ConnectionInfo, turn: int) -> None:
    assert execute(postgres, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [(0,)]
    execute(postgres, "CREATE TABLE mine (id int); INSERT INTO mine VALUES (1), (2)")
    assert execute(postgres, "SELECT count(*) FROM mine") == [(2,)]


def test_a_wrong_password_is_refused(postgres: ConnectionInfo) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        execute(replace(postgres, password="wrong"), "SELECT 1")


@pytest.mark.parametrize("turn", [1, 2])
def test_each_test_gets_an_empty_mariadb_database(mariadb: ConnectionInfo, turn: int) -> None:
    assert mariadb_service.execute(mariadb, "SHOW TABLES") == []
    mariadb_service.execute(mariadb, "CREATE TABLE mine (id int); INSERT INTO mine VALUES (1), (2)")
    assert mariadb_service.execute(mariadb, "SELECT count(*) FROM mine") == [(2,)]


def test_mariadb_refuses_a_wrong_password(mariadb: ConnectionInfo) -> None:
    with pytest.raises(MySQLdb.OperationalError, match="Access denied"):
        mariadb_service.execute(replace(mariadb, password="wrong"), "SELECT 1")


@pytest.mark.parametrize("server", ["postgres.PostgresServer", "mariadb.MariadbServer"])
def test_the_server_ends_with_its_owner_even_by_sigkill(server: str) -> None:
    module, name = server.split(".")
    code = (
        "import time\n"
        f"from tests.services.{module} import {name}\n"
        f"server = {name}.start()\n"
        "print(server.process.pid, server.folder, flush=True)\n"
        "time.sleep(60)\n"
    )
    owner = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    pid, folder = owner.stdout.readline().split()
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    wait_for(lambda: not _alive(int(pid)), 10, "the server goes with its owner")
    shutil.rmtree(folder)


@pytest.mark.parametrize("kind", [PostgresServer, MariadbServer])
def test_stop_removes_process_and_folder(kind: type[PostgresServer] | type[MariadbServer]) -> None:
    server = kind.start()
    server.stop()
    assert server.process.poll() is not None
    assert not server.folder.exists()


def _alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
