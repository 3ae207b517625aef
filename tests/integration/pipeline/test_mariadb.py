"""Whole runs into MariaDB: the same rows either way, exact after a kill at every edge, state tables of its own kind."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from sync_provider.core import engine
from sync_provider.core.contracts import ConnectionInfo
from sync_provider.core.engine.failpoints import EDGES
from sync_provider.core.errors import CancelledError, ConfigError, ConnectError, QualityGateError
from sync_provider.core.ledger import tables
from sync_provider.core.systems.mysql.session import MySqlSession
from tests.integration.pipeline.project import Project
from tests.services.mariadb import execute

ROWS = 500
YAML = """
    source: {type: file, path: inbox}
    target: {connection: dwh%s}
    interfaces:
      orders:
        files: orders.csv
        %s
        columns:
          id: {type: bigint}
          amount: {type: "decimal(12,2)"}
          paid: {type: boolean}
          at: {type: timestamptz}
        checks:
          - not_null: [buyer]
    """
STATE = (
    "SELECT count(*) FROM orders",
    "SELECT count(*) FROM _sync_rejected",
    "SELECT count(*) FROM _sync_load WHERE status = 'done'",
)
WHOLE = [490, 10, 1]
#: edges of a run in one process
FUSED = ("begin", "copy", "move", "rejected", "ledger", "commit", "after_commit")


def _lay_out(project: Project, write: str, place: str = "") -> None:
    project.yaml("crm", YAML % (place, write))
    lines = [
        f"{n},{n}.25,{'' if n % 50 == 0 else f'买家{n}'},t,2026-01-01T00:00:0{n % 10}Z" for n in range(1, ROWS + 1)
    ]
    project.csv("orders.csv", "id,amount,buyer,paid,at", *lines)


def _state(project: Project) -> list[int]:
    return [int(project.rows(sql)[0][0]) for sql in STATE]


@pytest.mark.parametrize("write", ["primary_key: id", "write: append", "write: replace"])
def test_fused_and_staged_write_the_same(maria: Project, write: str) -> None:
    found = []
    for number, run in enumerate((maria.run, maria.run_staged)):
        _lay_out(maria, write)
        report = run("crm.orders", "r1")
        assert report.counters.leak() == 0
        assert (report.counters.read, report.counters.loaded, report.counters.rejected) == (ROWS, 490, 10)
        found.append(maria.rows("SELECT id, amount, buyer, paid, at, _sync_run_id FROM orders ORDER BY id"))
        report = run("crm.orders", "r1")
        assert _state(maria) == WHOLE, f"done again it is the same, {number}"
        maria.target_sql(*(f"DROP TABLE {name}" for (name,) in maria.rows("SHOW TABLES")))
    assert found[0] == found[1]
    assert str(found[0][0][:4]) == "(1, Decimal('1.25'), '买家1', 1)"


@pytest.mark.parametrize("edge", [edge for edge in EDGES if edge in FUSED])
@pytest.mark.parametrize("write", ["primary_key: id", "write: append"], ids=["merge", "append"])
def test_a_run_killed_at(maria: Project, edge: str, write: str) -> None:
    _lay_out(maria, write)
    assert maria.call("run", "erp.crm.orders", "--run-id", "r1", SYNC_FAILPOINT=f"{edge}:kill").returncode == -9
    assert _state(maria) == (WHOLE if edge == "after_commit" else [0, 0, 0])
    report = maria.run("crm.orders", "r1")
    assert (report.counters.leak(), report.counters.read, report.counters.rejected) == (0, ROWS, 10)
    assert _state(maria) == WHOLE


def test_types_of_postgresql_arrive_in_a_table_of_ours(
    mariadb: ConnectionInfo, postgres: ConnectionInfo, tmp_path: Path
) -> None:
    """What MariaDB has no type for, such as a boolean, is described as another one when the table is read back."""
    project = Project.make(tmp_path, mariadb, postgres)
    project.yaml("crm", """
        source: {type: postgres, connection: shop}
        target: {connection: dwh}
        interfaces:
          kinds: {primary_key: id}
        """)  # fmt: skip
    project.source_sql(
        "create table kinds (id int primary key, ok boolean, j jsonb, u uuid, tags text[], far numeric)",
        "insert into kinds values (1, true, '{\"a\": 1}', '110ec58a-a0f2-4ac4-8393-c866d813b8d1', '{a,b}', 1.5),"
        " (2, false, null, null, null, null), (3, null, null, null, null, null)",
    )
    assert project.run("crm.kinds", "r1").counters.loaded == 3
    assert project.run_staged("crm.kinds", "r2").counters.loaded == 3
    rows = project.rows("SELECT ok, j, u, tags, CAST(far AS char) FROM kinds ORDER BY id")
    assert rows[0] == (1, '{"a": 1}', "110ec58a-a0f2-4ac4-8393-c866d813b8d1", "{a,b}", "1.5" + "0" * 29)
    assert [row[0] for row in rows] == [1, 0, None]


def test_many_first_runs_at_once(maria: Project) -> None:
    lines = [f"      orders_{n}: {{files: orders.csv, primary_key: id}}\n" for n in range(6)]
    place = f"schema: {maria.target.schema}_ods, state_schema: {maria.target.schema}_state"
    maria.yaml(
        "crm",
        f"source: {{type: file, path: inbox}}\ntarget: {{connection: dwh, {place}}}\ninterfaces:\n" + "".join(lines),
    )
    maria.csv("orders.csv", "id,name", "1,a", "2,b")
    try:
        with ThreadPoolExecutor(6) as pool:
            reports = list(pool.map(lambda n: maria.run(f"crm.orders_{n}", "r1"), range(6)))
        assert [report.counters.loaded for report in reports] == [2] * 6
        schema = f"{maria.target.schema}_state"
        assert maria.rows(f"SELECT count(*) FROM {schema}._sync_load WHERE status = 'done'") == [(6,)]
    finally:
        maria.target_sql(*(f"DROP DATABASE IF EXISTS {maria.target.schema}_{name}" for name in ("ods", "state")))


def test_state_tables_half_made_are_completed(maria: Project) -> None:
    _lay_out(maria, "primary_key: id")
    maria.target_sql(*tables.create_sql("mysql", None)[:2])
    assert maria.run("crm.orders", "r1").counters.loaded == 490
    engines = maria.rows(
        "SELECT DISTINCT engine, table_collation FROM information_schema.tables WHERE table_schema = database() "
        "AND table_name LIKE '|_sync|_%%' ESCAPE '|'"
    )
    assert engines == [("InnoDB", "utf8mb4_bin")]


def test_a_table_without_transactions_is_refused_by_name(maria: Project) -> None:
    _lay_out(maria, "primary_key: id")
    maria.target_sql("CREATE TABLE orders (id bigint PRIMARY KEY) ENGINE=MyISAM")
    with pytest.raises(ConfigError, match=r"table `orders` is kept by engine MyISAM"):
        maria.run("crm.orders", "r1")


def test_a_login_that_may_create_tables_need_not_create_databases(maria: Project) -> None:
    name = f"modest_{maria.target.schema}"
    execute(maria.target, f"CREATE USER {name} IDENTIFIED BY 'x'")
    rights = "SELECT, INSERT, UPDATE, DELETE, CREATE, CREATE TEMPORARY TABLES"
    execute(maria.target, f"GRANT {rights} ON {maria.target.schema}.* TO {name}")
    place = f", schema: {maria.target.schema}, state_schema: {maria.target.schema}"
    _lay_out(maria, "primary_key: id", place)
    modest = replace(maria, target=replace(maria.target, login=name, password="x"))
    assert modest.run("crm.orders", "r1").counters.loaded == 490
    assert _database_less(maria, name).run("crm.orders", "r2").counters.updated == 490
    execute(maria.target, f"DROP USER {name}")


def _database_less(project: Project, login: str) -> Project:
    target: ConnectionInfo = replace(project.target, login=login, password="x", schema=None)
    return replace(project, target=target)


def test_the_new_table_of_a_running_swap_is_nobody_elses(maria: Project) -> None:
    """Loads of before, one that is done and one that lost its lease, come back while another run fills its table."""
    _lay_out(maria, "write: replace\n        replace: swap")
    plan, cancel = maria.plan("crm.orders"), engine.Cancel()
    handed = {}
    for run in ("done", "late", "running"):
        ticket = engine.check(plan, engine.RunRequest(run), maria.connections)
        parts = engine.extract(plan, ticket, maria.connections, cancel)
        parts = engine.transform(plan, ticket, parts, maria.connections, cancel)
        handed[run] = (ticket, engine.quality(plan, ticket, parts, maria.connections, cancel))
        if run == "done":
            engine.load(plan, *handed[run], maria.connections, cancel)
        maria.target_sql("UPDATE _sync_lease SET expires_at = '2020-01-01' WHERE interface = 'erp.crm.orders'")
    maria.target_sql("CREATE TABLE _sync_new_orders LIKE orders")  # whose rows are not committed yet
    told = engine.report_from_json(engine.load(plan, *handed["done"], maria.connections, cancel))
    assert told.counters.loaded == 490
    with pytest.raises(CancelledError, match="the lease was lost"):
        engine.load(plan, *handed["late"], maria.connections, cancel)
    assert maria.rows("SELECT count(*) FROM orders") == [(490,)]
    assert maria.rows("SELECT count(*) FROM _sync_new_orders") == [(0,)]
    engine.load(plan, *handed["running"], maria.connections, cancel)
    assert not maria.rows("SHOW TABLES LIKE '%new%'")


@pytest.mark.parametrize("lost", ["killed after COMMIT", "cut after COMMIT"])
def test_a_swap_that_was_not_renamed_is_finished_by_whoever_comes_next(
    maria: Project, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    _lay_out(maria, "write: replace\n        replace: swap\n        guard: {min_rows: 400}")
    maria.run("crm.orders", "r1")
    maria.csv("orders.csv", "id,amount,buyer,paid,at", *(f"{n},1,new,t," for n in range(450)))
    names = "SELECT count(*) FROM orders WHERE buyer = 'new'"
    with monkeypatch.context() as patched:
        if lost == "cut after COMMIT":
            patched.setattr(MySqlSession, "at_commit", lambda self, work: self._after.append(self._cut))
            patched.setattr(MySqlSession, "_cut", _cut, raising=False)
        else:
            patched.setattr(MySqlSession, "at_commit", lambda self, work: None)
        assert maria.run("crm.orders", "r2").counters.loaded == 450
    expected = 450 if lost == "cut after COMMIT" else 0
    assert maria.rows(names) == [(expected,)], "a lost connection is noticed by the run itself"
    maria.csv("orders.csv", "id,amount,buyer,paid,at", "1,1,few,t,")
    with pytest.raises(QualityGateError, match="1 rows would replace 450"):
        maria.run("crm.orders", "r3")
    assert maria.rows(names) == [(450,)]
    assert not maria.rows("SHOW TABLES LIKE '%new%'")


def test_a_swap_is_finished_though_tables_are_emptied_by_now(maria: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    _lay_out(maria, "write: replace\n        replace: swap")
    maria.run("crm.orders", "r1")
    maria.csv("orders.csv", "id,amount,buyer,paid,at", *(f"{n},1,new,t," for n in range(450)))
    with monkeypatch.context() as patched:
        patched.setattr(MySqlSession, "at_commit", lambda self, work: None)
        maria.run("crm.orders", "r2")
    _lay_out(maria, "write: replace")
    maria.csv("orders.csv", "id,amount,buyer,paid,at", "1,1,few,t,")
    with pytest.raises(QualityGateError, match="1 rows would replace 450"):
        maria.run("crm.orders", "r3")
    assert not maria.rows("SHOW TABLES LIKE '%new%'")


def _cut(self: MySqlSession) -> None:
    raise ConnectError("the connection was cut")
