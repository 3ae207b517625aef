"""The servers of the matrix, each behind a network of ours, and a fresh project for every cell."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sync_provider.core.contracts import ConnectionInfo
from tests.integration.pipeline.project import Project
from tests.services.mariadb import MariadbServer
from tests.services.postgres import PostgresServer
from tests.services.proxy import Proxy

YAML = """
    source: {{type: postgres, connection: shop}}
    target: {{connection: dwh}}
    batch: {{rows: {batch}}}
    overlap: cancel_running
    execution: {cut}
    interfaces:
      orders: {{{lines}}}
    """


@dataclass
class Arena:
    """The running servers.

    Args:
        source: where the rows come from; `targets`: kind → server, None for SQLite.
    """

    source: PostgresServer
    targets: dict[str, PostgresServer | MariadbServer | None]
    networks: dict[str, Proxy]
    rows: int
    shop: ConnectionInfo

    @contextmanager
    def project(self, kind: str, yaml: str) -> Iterator[tuple[Project, Project]]:
        """Lay out a project with an empty target; yields it by way of the networks, and beside them."""
        server = self.targets[kind]
        with tempfile.TemporaryDirectory(prefix="sync-kill-") as folder:
            dwh = server.create_database() if server else ConnectionInfo("dwh", "sqlite", host=f"{folder}/dwh.db")
            through = self.networks[kind].through(dwh) if server else dwh
            project = Project.make(Path(folder), through, self.networks["source"].through(self.shop))
            project.yaml("crm", yaml)
            beside = Project.make(Path(folder) / "beside", dwh, self.shop)
            try:
                yield project, Project(Path(folder), beside.target, beside.source)
            finally:
                for network in self.networks.values():
                    network.flow()
                if server:
                    server.drop_database(dwh)


@contextmanager
def arena(kinds: list[str], rows: int) -> Iterator[Arena]:
    """Start what the chosen targets need, durable, and fill the source."""
    with ExitStack() as stack:
        source = PostgresServer.start(synchronous_commit="on")
        stack.callback(source.stop)
        targets: dict[str, PostgresServer | MariadbServer | None] = {}
        networks = {"source": stack.enter_context(Proxy(source.port))}
        for kind in kinds:
            server = _server(kind)
            targets[kind] = server
            if server is not None:
                stack.callback(server.stop)
                networks[kind] = stack.enter_context(Proxy(server.port))
        shop = source.create_database()
        made = Arena(source, targets, networks, rows, shop)
        fill(made)
        yield made


def fill(made: Arena) -> None:
    """Put the rows into the source."""
    from tests.services.postgres import execute

    execute(
        made.shop,
        "create table orders as select n as id, repeat(md5(n::text), 5) as name, (n * 0.25)::numeric(12,2) as amount "
        f"from generate_series(1, {made.rows}) n; alter table orders add primary key (id)",
    )


def _server(kind: str) -> PostgresServer | MariadbServer | None:
    if kind == "postgres":
        return PostgresServer.start(synchronous_commit="on")
    return MariadbServer.start(innodb_flush_log_at_trx_commit="1") if kind == "mysql" else None
