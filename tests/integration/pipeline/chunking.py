"""A project that loads a hundred chunks, ways to kill and go on with it, and what must be there in the end."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from sync_provider.core import engine
from sync_provider.core.contracts import RunReport
from sync_provider.core.engine.chunked import stage_name
from tests.integration.pipeline.project import Project

CHUNKS, SIZE = 100, 20
ROWS = CHUNKS * SIZE
BAD = ROWS // 50
NAME = "erp.crm.orders"
STAGE = stage_name(NAME)
MERGE, APPEND = "primary_key: id", "write: append"
_YAML = """
    source: {%s}
    target: {connection: dwh}
    interfaces:
      orders:
        target: {table: loaded}
        %s
        %s
        batch: {rows: %d}
        columns:
          id: {type: bigint}
          amount: {type: "decimal(12,2)"}
        checks:
          - not_null: [buyer]
          - range: {amount: {max: 1900}}
            on_fail: warn
          - unique: [buyer]
    """


def lay_out(project: Project, write: str = MERGE, load: str = "load: staged", *, database: bool = False) -> None:
    """Write YAML and source rows: every fiftieth has no buyer, those above 1900 are warned of."""
    source, where = "type: file, path: inbox", "files: orders.csv"
    if database:
        source, where = f"type: {project.source.type}, connection: shop", "table: orders"
    project.yaml("crm", _YAML % (source, where, f"{write}\n        {load}", SIZE))
    rows = [(n, f"{n}.25", "" if n % 50 == 0 else f"买家{n}") for n in range(1, ROWS + 1)]
    if database:
        project.source_sql("create table orders (id bigint not null primary key, amount decimal(12,2), buyer text)")
        values = [f"({n}, {amount}, " + (f"'{buyer}')" if buyer else "null)") for n, amount, buyer in rows]
        project.source_sql(f"insert into orders values {', '.join(values)}")
    else:
        project.csv("orders.csv", "id,amount,buyer", *(",".join(map(str, row)) for row in rows))


def count_chunks(project: Project) -> Callable[[], int]:
    """Let the target itself count the chunks that are committed; return how to ask it."""
    engine.create_state(project.plan("crm.orders"), project.connections)
    project.target_sql("create table written (number bigint)")
    if project.target.type == "sqlite":
        project.target_sql(
            "create trigger count_chunks after insert on _sync_chunk when new.number > 0 "
            "begin insert into written values (new.number); end"
        )
    elif project.target.type == "mysql":
        project.target_sql(
            "create trigger count_chunks after insert on _sync_chunk for each row "
            "insert into written select new.number from dual where new.number > 0"
        )
    else:
        project.target_sql(
            "create function count_chunk() returns trigger language plpgsql as $$ begin "
            "if new.number > 0 then insert into written values (new.number); end if; return null; end $$",
            "create trigger count_chunks after insert on _sync_chunk for each row execute function count_chunk()",
        )
    return lambda: int(project.rows("select count(*) from written")[0][0])


class Fused:
    """A run in one process."""

    def __init__(self, project: Project) -> None:
        self.project = project

    def killed(self, at: str) -> int:
        """Run until it is killed there; return the process's code."""
        return self.project.call("run", NAME, "--run-id", "r1", SYNC_FAILPOINT=f"{at}:kill").returncode

    def go(self, run_id: str = "r1", stop_at: datetime | None = None) -> RunReport:
        """Run it to its end, or its pause."""
        plan, request = self.project.plan("crm.orders"), engine.RunRequest(run_id)
        return engine.run(plan, request, self.project.connections, engine.Cancel(), stop_at=stop_at)


class Staged:
    """A run cut into tasks, of which only `load` is killed and tried again."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self._handed: tuple[Any, Any] | None = None

    def killed(self, at: str) -> int:
        """Run until `load` is killed there; return the process's code."""
        file = self.project.root / "handed.json"
        file.write_text(json.dumps(self._hand("r1")), encoding="utf-8")
        line = [sys.executable, "-m", "tests.integration.pipeline.drive_load"]
        line += [str(self.project.root / "config"), NAME, str(file)]
        env = self.project.env(SYNC_FAILPOINT=f"{at}:kill")
        return subprocess.run(line, env=env, cwd=Path(__file__).parents[3], check=False).returncode

    def go(self, run_id: str = "r1", stop_at: datetime | None = None) -> RunReport:
        """Run `load`, all before it where that is not done, and `report`."""
        plan, connections = self.project.plan("crm.orders"), self.project.connections
        ticket, handover = self._hand(run_id)
        outcome = engine.load(plan, ticket, handover, connections, engine.Cancel(), stop_at=stop_at)
        self._handed = None
        return engine.report_from_json(engine.report(plan, ticket, outcome, connections))

    def again(self) -> None:
        """Forget what the stages before `load` handed on: they are done again."""
        self._handed = None

    def _hand(self, run_id: str) -> tuple[Any, Any]:
        if self._handed is None:
            plan, connections, cancel = self.project.plan("crm.orders"), self.project.connections, engine.Cancel()
            ticket = engine.check(plan, engine.RunRequest(run_id), connections)
            handover = engine.extract(plan, ticket, connections, cancel)
            handover = engine.transform(plan, ticket, handover, connections, cancel)
            self._handed = (ticket, engine.quality(plan, ticket, handover, connections, cancel))
        return self._handed


def check_whole(project: Project, report: RunReport) -> None:
    """The target, the quarantine and the ledger are those of a run that nobody disturbed."""
    counters = report.counters
    assert counters.leak() == 0
    assert (counters.read, counters.loaded, counters.rejected) == (ROWS, ROWS - BAD, BAD)
    assert counters.warned == 98, "rows from 1900 on that have a buyer"
    assert {rule: rows for rule, (rows, _) in report.rejected_by_rule.items()} == {"not_null(buyer)": BAD}
    found = project.rows("select id, amount, buyer from loaded order by id")
    assert [(int(i), float(a), b) for i, a, b in found] == [
        (n, n + 0.25, f"买家{n}") for n in range(1, ROWS + 1) if n % 50
    ]
    bad = project.rows("select r.row_number, r.state, r.shard from _sync_rejected r order by r.row_number")
    assert bad == [(n, "new", "") for n in range(50, ROWS + 1, 50)]
    done = "select rows_read, rows_loaded, rows_rejected, rows_warned from _sync_load where status = 'done'"
    assert project.rows(done) == [(ROWS, ROWS - BAD, BAD, 98)]
    check_nothing_left(project)


def check_nothing_left(project: Project) -> None:
    """Neither chunks, nor their rejected rows, nor the staging table."""
    assert project.rows("select count(*) from _sync_chunk") == [(0,)]
    assert project.rows("select count(*) from _sync_rejected where shard <> ''") == [(0,)]
    assert not stage_is_there(project)


def stage_is_there(project: Project) -> bool:
    """Whether the target holds the interface's staging table."""
    if project.target.type == "sqlite":
        return bool(project.rows(f"select 1 from sqlite_master where name = '{STAGE}'"))
    return bool(project.rows(f"select 1 from information_schema.tables where table_name = '{STAGE}'"))
