"""A small project in a temporary folder: YAML, source data, a target database, and ways to run and look."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from textwrap import dedent
from typing import Any

from sync_provider.core import engine
from sync_provider.core.contracts import ConnectionInfo, Plan, RunReport
from sync_provider.core.errors import ConfigError, SyncError
from sync_provider.core.plan import load_project
from tests.services import mariadb
from tests.services.connections import airflow_conn


@dataclass
class Project:
    """A project folder whose target is connection `dwh`, and whose database source is connection `shop`."""

    root: Path
    target: ConnectionInfo
    source: ConnectionInfo

    @classmethod
    def make(cls, root: Path, target: ConnectionInfo, source: ConnectionInfo) -> Project:
        """Lay out the folders; the connections get the ids `dwh` and `shop`."""
        (root / "config" / "sources" / "erp").mkdir(parents=True)
        (root / "inbox").mkdir()
        return cls(root, replace(target, id="dwh"), replace(source, id="shop"))

    def yaml(self, name: str, text: str) -> None:
        """Write `config/sources/erp/<name>.yaml`."""
        (self.root / "config" / "sources" / "erp" / f"{name}.yaml").write_text(dedent(text), encoding="utf-8")

    def csv(self, name: str, *lines: str) -> None:
        """Write `inbox/<name>`."""
        (self.root / "inbox" / name).write_text("".join(line + "\n" for line in lines), encoding="utf-8")

    def plan(self, interface: str) -> Plan:
        """Return the compiled plan of `erp.<interface>`."""
        project = load_project(self.root / "config")
        assert not project.problems, "\n".join(problem.text() for problem in project.problems)
        return project.plan(f"erp.{interface}")

    def connections(self, connection_id: str) -> ConnectionInfo:
        """Resolve `dwh`, `shop` and the masking key `mask_key`."""
        known = {
            "dwh": self.target,
            "shop": self.source,
            "mask_key": ConnectionInfo("mask_key", "generic", password="k3y-of-the-tests"),
        }
        if connection_id not in known:
            raise ConfigError(f"connection {connection_id!r} is not defined")
        return known[connection_id]

    def run(self, interface: str, run_id: str, **asked: Any) -> RunReport:
        """Run fused, in this process."""
        return engine.run(self.plan(interface), engine.RunRequest(run_id, **asked), self.connections, engine.Cancel())

    def run_staged(self, interface: str, run_id: str, **asked: Any) -> RunReport:
        """Run the six stages one after the other, their hand-overs through JSON as XCom does it."""
        plan, cancel = self.plan(interface), engine.Cancel()
        ticket = _json(engine.check(plan, engine.RunRequest(run_id, **asked), self.connections))
        try:
            handover = _json(engine.extract(plan, ticket, self.connections, cancel))
            handover = _json(engine.transform(plan, ticket, handover, self.connections, cancel))
            handover = _json(engine.quality(plan, ticket, handover, self.connections, cancel))
            outcome = _json(engine.load(plan, ticket, handover, self.connections, cancel))
        except SyncError as error:
            engine.report(plan, ticket, None, self.connections, error=_json(engine.error_to_json(error)))
            raise
        return engine.report_from_json(_json(engine.report(plan, ticket, outcome, self.connections)))

    def env(self, **more: str) -> dict[str, str]:
        """Return the environment of a command of ours."""
        known = [self.target, self.source, self.connections("mask_key")]
        return {**os.environ, **dict(airflow_conn(info) for info in known), **more}

    def command(self, *args: str, **env: str) -> subprocess.Popen[str]:
        """Start `sync-provider …` on this project."""
        line = [sys.executable, "-m", "sync_provider.cli.main", *args, "--config", str(self.root / "config")]
        return subprocess.Popen(
            line, env=self.env(**env), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=self.root
        )

    def call(self, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run `sync-provider …` to its end."""
        process = self.command(*args, **env)
        out, err = process.communicate(timeout=120)
        return subprocess.CompletedProcess(args, process.returncode, out, err)

    def rows(self, sql: str, params: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """Query the target."""
        return query(self.target, sql, params)

    def source_sql(self, *statements: str) -> None:
        """Execute statements on the database source."""
        for sql in statements:
            query(self.source, sql)

    def target_sql(self, *statements: str) -> None:
        """Execute statements on the target."""
        for sql in statements:
            query(self.target, sql)


def query(info: ConnectionInfo, sql: str, params: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
    """Execute one statement on PostgreSQL, MariaDB or SQLite and return its rows, if any."""
    if info.type == "mysql":
        return mariadb.execute(info, re.sub(r":(\w+)", r"%(\1)s", sql) if params else sql, params)
    if info.type == "sqlite":
        connection = sqlite3.connect(str(info.host), timeout=60, isolation_level=None)
        try:
            return connection.execute(sql, dict(params or {})).fetchall()
        finally:
            connection.close()
    import psycopg

    with psycopg.connect(
        host=info.host, port=info.port, user=info.login, password=info.password, dbname=info.schema, autocommit=True
    ) as pg:
        cursor = pg.execute(sql.replace(":", "%") if params else sql, params)
        return cursor.fetchall() if cursor.description else []


def _json(value: Any) -> Any:
    return json.loads(json.dumps(value))
