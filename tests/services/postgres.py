"""A real PostgreSQL server in a temporary folder, with passwords on and durability off."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from sync_provider.core.contracts import ConnectionInfo
from tests.services.processes import dies_with_parent, free_port, missing, wait_for

LOGIN = "sync"
PASSWORD = "pg-s3cret"
_PLACES = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql*/bin")
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "max_prepared_transactions": "20",
    "shared_buffers": "64MB",
    "timezone": "UTC",
}
_numbers = count(1)


def binaries() -> Path | None:
    """Return the folder of the newest PostgreSQL server programs here, or None."""
    found = shutil.which("initdb")
    if found and Path(found).resolve().with_name("postgres").exists():
        return Path(found).resolve().parent
    folders = [path for place in _PLACES for path in Path("/").glob(place[1:]) if (path / "initdb").exists()]
    return max(folders, key=_version, default=None)


@dataclass
class PostgresServer:
    """One running server; `stop` ends it and removes its folder."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes]
    settings: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def start(cls, **settings: str) -> PostgresServer:
        """Make a cluster and start it. Skips (in CI: fails) where there are no server programs.

        Args:
            settings: beside ours; one that will crash needs `synchronous_commit="on"` to keep what it committed.
        """
        programs = binaries()
        if programs is None:
            missing("PostgreSQL", "sudo apt-get install postgresql")
            raise AssertionError("unreachable")
        folder = Path(tempfile.mkdtemp(prefix="sync-pg-"))
        owner = _owner(folder)
        secret = folder / "password"
        secret.write_text(PASSWORD)
        os.chmod(secret, 0o644)
        init = [programs / "initdb", "-D", folder / "data", "-U", LOGIN, "-A", "scram-sha-256", "-E", "UTF8"]
        init += [f"--pwfile={secret}", "--locale=C.UTF-8", "--no-sync"]
        subprocess.run(init, check=True, stdout=subprocess.DEVNULL, cwd=folder, **owner)
        port = free_port()
        server = cls(folder, port, _launch(programs, folder, port, settings, owner), settings)
        wait_for(server.ready, 30, f"PostgreSQL, log in {folder / 'log'}")
        return server

    def crash(self) -> None:
        """End it as a power cut does: nobody says goodbye, and what was committed is in the log alone."""
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait(20)

    def restart(self) -> None:
        """Start it again after a crash, on the same port and data."""
        programs = binaries()
        assert programs is not None
        self.process = _launch(programs, self.folder, self.port, self.settings, _owner(self.folder))
        wait_for(self.ready, 30, f"PostgreSQL, log in {self.folder / 'log'}")

    def connection(self, database: str = "postgres") -> ConnectionInfo:
        """Return the connection of one database of this server; its id is `pg`."""
        return ConnectionInfo("pg", "postgres", "127.0.0.1", self.port, LOGIN, PASSWORD, database)

    def ready(self) -> bool:
        """Return whether it takes logins; raises when it has ended."""
        import psycopg

        if self.process.poll() is not None:
            raise RuntimeError(f"PostgreSQL ended:\n{(self.folder / 'log').read_text()}")
        try:
            execute(self.connection(), "SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def create_database(self, template: str = "template0") -> ConnectionInfo:
        """Create a fresh database and return its connection."""
        name = f"t{next(_numbers)}"
        execute(self.connection(), f'CREATE DATABASE {name} TEMPLATE "{template}"')
        return self.connection(name)

    def drop_database(self, info: ConnectionInfo) -> None:
        """Drop a database, whoever is still connected to it."""
        execute(self.connection(), f"DROP DATABASE IF EXISTS {info.schema} WITH (FORCE)")

    def stop(self) -> None:
        """End the server at once and remove its folder."""
        self.process.send_signal(signal.SIGQUIT)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def execute(info: ConnectionInfo, sql: str, values: Sequence[Any] | None = None) -> list[tuple[Any, ...]]:
    """Run SQL on its own connection, each statement committed, and return the rows of the last one if it has any."""
    import psycopg

    where = {"host": info.host, "port": info.port, "user": info.login, "password": info.password}
    with psycopg.connect(**where, dbname=info.schema, autocommit=True, connect_timeout=5) as connection:
        cursor = connection.execute(sql, values)
        while cursor.nextset():
            pass
        return cursor.fetchall() if cursor.description else []


def _launch(
    programs: Path, folder: Path, port: int, settings: Mapping[str, str], owner: dict[str, Any]
) -> subprocess.Popen[bytes]:
    options = [f"-c{name}={value}" for name, value in {**_SETTINGS, "port": port, **settings}.items()]
    with open(folder / "log", "ab") as log:
        return subprocess.Popen(
            [programs / "postgres", "-D", folder / "data", "-k", folder, *options],
            stdout=log, stderr=log, cwd=folder, preexec_fn=dies_with_parent(signal.SIGQUIT), **owner,
        )  # fmt: skip


def _version(programs: Path) -> int:
    digits = re.findall(r"\d+", programs.parent.name)
    return int(digits[0]) if digits else 0


def _owner(folder: Path) -> dict[str, Any]:
    """Give the folder to a user who may run PostgreSQL (root may not) and return Popen's arguments for that."""
    if os.geteuid() != 0:
        return {}
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    user = names.get("postgres") or names["nobody"]
    os.chown(folder, user.pw_uid, user.pw_gid)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
