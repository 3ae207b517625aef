"""The two servers of the benchmark: durable, with enough memory, started for it and counted."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.speed.measure import children, tree_cpu_s
from sync_provider.core.contracts import ConnectionInfo
from tests.services import mariadb, postgres

#: initdb's defaults but for the memory of the machine, and no vacuum that starts in the middle of a run
_POSTGRES = {
    "fsync": "on", "synchronous_commit": "on", "full_page_writes": "on", "shared_buffers": "1GB",
    "max_wal_size": "8GB", "checkpoint_timeout": "30min", "autovacuum": "off", "max_prepared_transactions": "0",
}  # fmt: skip
_MARIADB = {
    "innodb_buffer_pool_size": "1G", "innodb_log_file_size": "512M", "innodb_flush_log_at_trx_commit": "1",
}  # fmt: skip


@dataclass
class Postgres:
    """PostgreSQL with the databases `shop` (the source) and `dwh` (the target)."""

    server: postgres.PostgresServer

    def cpu_s(self) -> float:
        """Backends that ended are in what the postmaster waited for."""
        return tree_cpu_s(self.server.process.pid)

    def quiet(self) -> bool:
        """Whether every backend has ended."""
        return not any("127.0.0.1(" in _title(pid) for pid in children(self.server.process.pid))

    def info(self, database: str) -> ConnectionInfo:
        """Return a connection."""
        return self.server.connection(database)

    def sql(self, database: str, *statements: str) -> list[tuple[object, ...]]:
        """Run statements, each committed; return the rows of the last."""
        rows: list[tuple[object, ...]] = []
        for sql in statements:
            rows = postgres.execute(self.info(database), sql)
        return rows

    def psql(self, database: str, *commands: str) -> list[str]:
        """Return the command line of psql; its password is in the environment."""
        told = [part for command in commands for part in ("-c", command)]
        place = ["-h", "127.0.0.1", "-p", str(self.server.port), "-U", postgres.LOGIN, "-d", database]
        return ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", *place, *told]

    def url(self, database: str, scheme: str = "postgresql") -> str:
        """Return a URL as other tools take it."""
        where = f"{postgres.LOGIN}:{postgres.PASSWORD}@127.0.0.1:{self.server.port}"
        return f"{scheme}://{where}/{database}"


@dataclass
class Mariadb:
    """MariaDB with the databases `shop` and `dwh`."""

    server: mariadb.MariadbServer

    def cpu_s(self) -> float:
        """It is one process."""
        return tree_cpu_s(self.server.process.pid)

    def quiet(self) -> bool:
        """Its threads are its own; `rest` waits for them."""
        return True

    def info(self, database: str) -> ConnectionInfo:
        """Return a connection."""
        return self.server.connection(database)

    def sql(self, database: str, *statements: str) -> list[tuple[object, ...]]:
        """Run statements, each committed; return the rows of the last."""
        rows: list[tuple[object, ...]] = []
        for sql in statements:
            rows = mariadb.execute(self.info(database), sql)
        return rows

    def client(self, database: str, *options: str) -> list[str]:
        """Return the command line of the client; its password is in the environment."""
        place = ["-h", "127.0.0.1", "-P", str(self.server.port), "-u", mariadb.LOGIN, "--protocol=tcp"]
        return ["mariadb", "--no-defaults", *place, "--default-character-set=utf8mb4", *options, database]


#: passwords for psql and mariadb, which take none on their command line
PASSWORDS = {"PGPASSWORD": postgres.PASSWORD, "MYSQL_PWD": mariadb.PASSWORD, "PGSSLMODE": "disable"}


@contextmanager
def started() -> Iterator[tuple[Postgres, Mariadb]]:
    """Start both, with their empty databases, and stop them in the end."""
    os.environ.setdefault("CI", "1")  # a server that is missing is an error here, never a skip
    first = Postgres(postgres.PostgresServer.start(**_POSTGRES))
    try:
        second = Mariadb(mariadb.MariadbServer.start(**_MARIADB))
        try:
            first.sql("postgres", "CREATE DATABASE shop TEMPLATE template0", "CREATE DATABASE dwh TEMPLATE template0")
            second.sql("mysql", "CREATE DATABASE shop", "CREATE DATABASE dwh")
            yield first, second
        finally:
            second.server.stop()
    finally:
        first.server.stop()


def _title(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""
