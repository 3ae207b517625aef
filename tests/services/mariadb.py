"""A real MariaDB server in a temporary folder, with passwords on and durability off."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from sync_provider.core.contracts import ConnectionInfo
from tests.services.processes import dies_with_parent, free_port, missing, wait_for

LOGIN = "sync"
PASSWORD = "my-s3cret"
#: errno of a server that does not take logins yet
_NOT_YET = (2002, 2003, 2013)
_PLACES = ("/usr/sbin", "/usr/bin", "/usr/libexec", "/opt/homebrew/bin")
_SETTINGS = {
    "bind-address": "127.0.0.1",
    "local-infile": "1",
    "character-set-server": "utf8mb4",
    "default-time-zone": "+00:00",
    "max-connections": "200",
    "innodb-buffer-pool-size": "64M",
    "innodb-flush-log-at-trx-commit": "0",
    "innodb-log-file-size": "32M",
    "performance-schema": "OFF",
    "skip-name-resolve": "1",
    "event-scheduler": "OFF",
}
_numbers = count(1)


def binaries() -> tuple[Path, Path] | None:
    """Return the programs that run a server and make its folder, or None."""
    found = [_program("mariadbd"), _program("mariadb-install-db")]
    return (found[0], found[1]) if found[0] and found[1] else None


@dataclass
class MariadbServer:
    """One running server; `stop` ends it and removes its folder."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes]
    command: tuple[str, ...] = ()

    @classmethod
    def start(cls, **settings: str) -> MariadbServer:
        """Make a data folder and start on it. Skips (in CI: fails) where there are no server programs."""
        programs = binaries()
        if programs is None:
            missing("MariaDB", "sudo apt-get install mariadb-server")
            raise AssertionError("unreachable")
        folder = Path(tempfile.mkdtemp(prefix="sync-my-"))
        (folder / "tmp").mkdir(mode=0o777)
        (folder / "tmp").chmod(0o777)
        owner = _owner(folder)
        make = [programs[1], "--no-defaults", f"--datadir={folder / 'data'}", "--skip-test-db"]
        make += ["--auth-root-authentication-method=normal", "--innodb-log-file-size=32M"]
        subprocess.run(make, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder, **owner)
        first = folder / "first.sql"
        first.write_text(
            f"CREATE USER '{LOGIN}'@'%' IDENTIFIED BY '{PASSWORD}';\n"
            f"GRANT ALL ON *.* TO '{LOGIN}'@'%' WITH GRANT OPTION;\nDROP USER root@localhost;\n"
        )
        os.chmod(first, 0o644)
        port = free_port()
        # a server that starts removes every temporary table from its tmpdir, another server's too
        places = {
            "tmpdir": folder / "tmp",
            "datadir": folder / "data",
            "socket": folder / "socket",
            "pid-file": folder / "pid",
        }
        wanted = {**_SETTINGS, **{name.replace("_", "-"): value for name, value in settings.items()}, **places}
        options = [f"--{name}={value}" for name, value in {**wanted, "port": port, "init-file": first}.items()]
        command = tuple(str(part) for part in (programs[0], "--no-defaults", *options))
        server = cls(folder, port, _launch(command, folder, owner), command)
        wait_for(server.ready, 60, f"MariaDB, log in {folder / 'log'}")
        return server

    def crash(self) -> None:
        """End it as a power cut does; one that will crash needs `innodb_flush_log_at_trx_commit="1"`."""
        self.process.kill()
        self.process.wait()

    def restart(self) -> None:
        """Start it again after a crash, on the same port and data."""
        command = tuple(part for part in self.command if not part.startswith("--init-file="))
        self.process = _launch(command, self.folder, _owner(self.folder))
        wait_for(self.ready, 60, f"MariaDB, log in {self.folder / 'log'}")

    def connection(self, database: str | None = None) -> ConnectionInfo:
        """Return the connection of one database of this server; its id is `my`."""
        return ConnectionInfo("my", "mysql", "127.0.0.1", self.port, LOGIN, PASSWORD, database)

    def ready(self) -> bool:
        """Return whether it takes logins; raises when it has ended."""
        import MySQLdb

        if self.process.poll() is not None:
            raise RuntimeError(f"MariaDB ended:\n{(self.folder / 'log').read_text()}")
        try:
            execute(self.connection(), "SELECT 1")
        except MySQLdb.OperationalError as error:
            if error.args[0] not in _NOT_YET:
                raise
            return False
        return True

    def create_database(self) -> ConnectionInfo:
        """Create a fresh database and return its connection."""
        name = f"t{next(_numbers)}"
        execute(self.connection(), f"CREATE DATABASE {name}")
        return self.connection(name)

    def drop_database(self, info: ConnectionInfo) -> None:
        """Drop a database, after ending whoever is still connected to it."""
        rows = execute(self.connection(), "SELECT id FROM information_schema.processlist WHERE db = %s", [info.schema])
        for (number,) in rows:
            execute(self.connection(), f"KILL {number}", missing_ok=True)
        execute(self.connection(), f"DROP DATABASE IF EXISTS {info.schema}")

    def stop(self) -> None:
        """End the server at once and remove its folder."""
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def execute(
    info: ConnectionInfo, sql: str, values: Sequence[Any] | Mapping[str, Any] | None = None, *, missing_ok: bool = False
) -> list[tuple[Any, ...]]:
    """Run SQL, also several statements, each committed, and return the rows of the last one if it has any.

    Args:
        missing_ok: whether a connection to be killed that is gone already is fine.
    """
    import MySQLdb
    from MySQLdb.constants import CLIENT, ER

    where = {"host": info.host, "port": info.port, "user": info.login, "password": info.password}
    database = {"database": info.schema} if info.schema else {}
    connection = MySQLdb.connect(
        **where, **database, charset="utf8mb4", autocommit=True, connect_timeout=5, local_infile=1,
        client_flag=CLIENT.MULTI_STATEMENTS,
    )  # fmt: skip
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql, values)
            rows = list(cursor.fetchall())
            while cursor.nextset():
                rows = list(cursor.fetchall())
            return rows
    except MySQLdb.OperationalError as error:
        if missing_ok and error.args[0] == ER.NO_SUCH_THREAD:
            return []
        raise
    finally:
        connection.close()


def _launch(command: tuple[str, ...], folder: Path, owner: dict[str, Any]) -> subprocess.Popen[bytes]:
    with open(folder / "log", "ab") as log:
        return subprocess.Popen(
            command, stdout=log, stderr=log, cwd=folder, preexec_fn=dies_with_parent(signal.SIGKILL), **owner
        )


def _program(name: str) -> Path | None:
    found = shutil.which(name) or next((f"{place}/{name}" for place in _PLACES if Path(place, name).exists()), None)
    return Path(found) if found else None


def _owner(folder: Path) -> dict[str, Any]:
    """Give the folder to a user who may run MariaDB (root may not) and return Popen's arguments for that."""
    if os.geteuid() != 0:
        return {}
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    user = names.get("mysql") or names["nobody"]
    os.chown(folder, user.pw_uid, user.pw_gid)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
