"""The test servers themselves: fresh databases, real passwords, nothing left behind."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from dataclasses import replace

import psutil
import psycopg
import pytest

from sync_provider.core.contracts import ConnectionInfo
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


def test_the_server_ends_with_its_owner_even_by_sigkill() -> None:
    code = (
        "import time\n"
        "from tests.services.postgres import PostgresServer\n"
        "server = PostgresServer.start()\n"
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


def test_stop_removes_process_and_folder() -> None:
    server = PostgresServer.start()
    server.stop()
    assert server.process.poll() is not None
    assert not server.folder.exists()


def _alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
