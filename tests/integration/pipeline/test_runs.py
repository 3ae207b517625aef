"""One interface, end to end: rows arrive once, bad rows are named, the counts add up."""

from __future__ import annotations

import pytest

from sync_provider.core.contracts import RunReport
from sync_provider.core.errors import QualityGateError, SkippedError
from tests.integration.pipeline.project import Project

FILES = """
    source: {type: file, path: inbox}
    target: {connection: dwh}
    interfaces:
      orders:
        files: "orders_*.csv"
        primary_key: id
        columns:
          id: {type: bigint}
          amount: {type: "decimal(12,2)"}
        checks:
          - not_null: [buyer]
          - range: {amount: {min: 0}}
    """


def _law(report: RunReport) -> None:
    assert report.counters.leak() == 0, report.counters
    assert report.counters.loaded == report.counters.inserted + report.counters.updated + report.counters.unchanged


def _orders(project: Project, rows: int = 5000) -> None:
    lines = [f"{n},{n}.50,b{n}" for n in range(1, rows + 1)]
    lines[999] = "1000,abc,b1000"
    project.csv("orders_1.csv", "id,amount,buyer", *lines)


@pytest.mark.parametrize("way", ["run", "run_staged"])
def test_the_bad_row_is_set_aside_and_named(project: Project, way: str) -> None:
    project.yaml("crm", FILES)
    _orders(project)
    report: RunReport = getattr(project, way)("crm.orders", "r1")
    _law(report)
    assert (report.counters.read, report.counters.loaded, report.counters.rejected) == (5000, 4999, 1)
    assert report.rejected_by_rule == {
        "type(amount)": (1, "row 1000 amount='abc' is not decimal(12,2)"),
    }
    assert project.rows("select count(*), sum(amount) from orders") == [
        (4999, sum(n + 0.5 for n in range(1, 5001)) - 1000.5)
    ]
    assert project.rows("select position, rule, message, state, run_id from _sync_rejected") == [
        ("orders_1.csv:1000", "type(amount)", "row 1000 amount='abc' is not decimal(12,2)", "new", "r1")
    ]


def test_a_second_run_changes_nothing_but_what_changed(project: Project) -> None:
    project.yaml("crm", FILES)
    project.csv("orders_1.csv", "id,amount,buyer", "1,1.00,ann", "2,2.00,bob", "3,-1,cy", "4,4.00,")
    first = project.run("crm.orders", "r1")
    assert (first.counters.inserted, first.counters.rejected) == (2, 2)
    project.csv("orders_1.csv", "id,amount,buyer", "1,1.00,ann", "2,9.00,bob", "3,3.00,cy", "4,4.00,")
    second = project.run("crm.orders", "r2")
    _law(second)
    assert (second.counters.inserted, second.counters.rejected) == (1, 1)
    assert project.rows("select id, amount, buyer from orders order by id") == [
        (1, 1, "ann"),
        (2, 9, "bob"),
        (3, 3, "cy"),
    ]
    assert project.rows("select run_id, count(*) from _sync_rejected group by run_id order by run_id") == [
        ("r1", 2),
        ("r2", 1),
    ]


def test_a_run_done_again_leaves_no_second_copy(project: Project) -> None:
    project.yaml("crm", FILES.replace("primary_key: id", "write: append"))
    project.csv("orders_1.csv", "id,amount,buyer", "1,1,ann", "2,x,bob")
    for _ in range(2):
        _law(project.run("crm.orders", "same"))
    assert project.rows("select count(*) from orders") == [(1,)]
    assert project.rows("select count(*) from _sync_rejected") == [(1,)]
    project.run("crm.orders", "another")
    assert project.rows("select count(*) from orders") == [(2,)]


@pytest.mark.parametrize("way", ["run", "run_staged"])
def test_over_budget_nothing_is_loaded_and_evidence_stays(project: Project, way: str) -> None:
    project.yaml("crm", FILES + "    max_bad: {rows: 1}\n")
    project.csv("orders_1.csv", "id,amount,buyer", "1,1,ann", "2,x,bob", "3,-3,cy")
    with pytest.raises(QualityGateError, match="2 of 3 rows rejected"):
        getattr(project, way)("crm.orders", "r1")
    assert project.rows("select count(*) from orders") == [(0,)]
    assert project.rows("select state, count(*) from _sync_rejected group by state") == [("aborted", 2)]
    project.yaml("crm", FILES + "    max_bad: {rows: 2}\n")
    project.run("crm.orders", "r2")
    assert project.rows("select count(*) from orders") == [(1,)]


def test_abort_stops_the_run(project: Project) -> None:
    project.yaml("crm", FILES.replace("- not_null: [buyer]", "- not_null: [buyer]\n            on_fail: abort"))
    project.csv("orders_1.csv", "id,amount,buyer", "1,1,ann", "2,2,")
    with pytest.raises(QualityGateError, match="buyer is null"):
        project.run("crm.orders", "r1")
    assert project.rows("select count(*) from orders") == [(0,)]


@pytest.mark.parametrize("way", ["run", "run_staged"])
def test_every_row_is_settled_whatever_the_words(project: Project, way: str) -> None:
    project.yaml(
        "crm",
        """
        source: {type: file, path: inbox}
        target: {connection: dwh}
        interfaces:
          people:
            files: people.csv
            primary_key: id
            filter: "kind <> 'test'"
            columns:
              id: {type: integer}
              score: {type: integer}
              kind: {drop: true}
              full_name: {expr: "first || ' ' || last"}
              first: {drop: true}
              last: {drop: true}
            clean:
              - trim: [city]
              - fill: {city: 未知}
              - drop_null: [score]
              - deduplicate: {key: [email], order_by: [score]}
            checks:
              - regex: {email: '^[^@]+@[^@]+$'}
              - in: {city: [上海, 北京, 未知]}
                on_fail: drop
              - expr: "score <= 100"
                on_fail: warn
            mask:
              email: {method: hmac, key: mask_key}
        """,
    )
    project.csv(
        "people.csv",
        "id,kind,first,last,city,score,email",
        "1,a,张,三, 上海 ,10,a@x",
        "2,test,t,t,上海,1,t@x",
        "3,a,b,b,,20,b@x",
        "4,a,c,c,上海,,c@x",
        "5,a,d,d,东京,1,d@x",
        "6,a,e,e,北京,1,not-an-email",
        "7,a,f,f,北京,999,a@x",
        "8,a,g,g,北京,5,g@x",
    )
    report: RunReport = getattr(project, way)("crm.people", "r1")
    _law(report)
    count = report.counters
    assert (count.read, count.loaded, count.filtered, count.rejected) == (8, 3, 1, 1)
    assert (count.dropped, count.deduplicated) == (2, 1)
    assert project.rows("select id, full_name, city from people order by id") == [
        (3, "b b", "未知"),
        (7, "f f", "北京"),
        (8, "g g", "北京"),
    ]
    assert project.rows("select count(*) from people where email like '%@%'") == [(0,)]
    kept = project.rows("select message, data, raw from _sync_rejected")
    assert len(kept) == 1
    assert "not-an-email" not in str(kept)
    assert kept[0][2] is None


def test_duplicate_groups_are_rejected_whole(project: Project) -> None:
    project.yaml("crm", FILES.replace("- not_null: [buyer]", "- unique: [buyer]"))
    project.csv("orders_1.csv", "id,amount,buyer", "1,1,ann", "2,2,bob", "3,3,ann", "4,4,", "5,5,")
    report = project.run("crm.orders", "r1")
    _law(report)
    assert project.rows("select id from orders order by id") == [(2,), (4,), (5,)]
    assert report.rejected_by_rule["unique(buyer)"][0] == 2
    found = project.rows("select position from _sync_rejected order by row_number")
    assert found == [("orders_1.csv:1",), ("orders_1.csv:3",)]


def test_no_file_where_none_need_be_is_a_skip(lite: Project) -> None:
    lite.yaml("crm", FILES.replace('files: "orders_*.csv"', 'files: "orders_*.csv"\n        missing: ok'))
    with pytest.raises(SkippedError, match="no file matches"):
        lite.run("crm.orders", "r1")
    done = lite.call("run", "erp.crm.orders")
    assert (done.returncode, "no file matches" in done.stderr) == (0, True)


def test_a_bad_value_with_a_nul_in_it_does_not_stop_the_run(project: Project) -> None:
    project.yaml("crm", FILES.replace("- not_null: [buyer]", "- regex: {buyer: '^[a-z]+$'}"))
    (project.root / "inbox" / "orders_1.csv").write_bytes(b"id,amount,buyer\n1,1,ann\n2,2,b\0b\n3,3\0,cy\n")
    report = project.run("crm.orders", "r1")
    _law(report)
    assert (report.counters.loaded, report.counters.rejected) == (1, 2)
    assert project.rows("select message from _sync_rejected order by row_number") == [
        (r"row 2 buyer='b\0b' does not match ^[a-z]+$",),
        (r"row 3 amount='3\0' is not decimal(12,2)",),
    ]


def test_keys_that_the_target_takes_for_equal_are_one(lite: Project) -> None:
    lite.yaml("crm", FILES.replace("id: {type: bigint}", "id: {type: text}"))
    columns = (
        "id text collate nocase primary key, amount decimal, buyer text, _sync_run_id text, _synced_at timestamptz"
    )
    lite.target_sql(f"create table orders ({columns})")
    lite.csv("orders_1.csv", "id,amount,buyer", "A,1,ann", "a,2,bob", "b,3,cy")
    report = lite.run("crm.orders", "r1")
    _law(report)
    assert (report.counters.loaded, report.counters.deduplicated) == (2, 1)
    assert lite.rows("select buyer from orders order by buyer") == [("bob",), ("cy",)]


def test_a_cleared_run_over_budget_keeps_the_rejected_rows_of_the_rows_that_are_there(project: Project) -> None:
    project.yaml("crm", FILES + "    max_bad: {rows: 1}\n")
    project.csv("orders_1.csv", "id,amount,buyer", "1,1,ann", "2,x,bob")
    project.run("crm.orders", "r1")
    project.csv("orders_1.csv", "id,amount,buyer", "1,1,ann", "2,x,bob", "3,y,cy")
    with pytest.raises(QualityGateError):
        project.run("crm.orders", "r1")
    assert project.rows("select row_number, state from _sync_rejected") == [(2, "new")]
    assert project.rows("select status, rows_rejected from _sync_load") == [("done", 1)]


def test_everything_and_a_part_of_it_contradict_each_other(lite: Project) -> None:
    lite.yaml("crm", FILES)
    done = lite.call("run", "erp.crm.orders", "--full", "--since", "2026-01-01")
    assert (done.returncode, "leave out --since" in done.stderr) == (2, True)


def test_the_target_table_gives_the_types(project: Project) -> None:
    """A CSV is text; what it should be, an existing table says as well as `columns:`."""
    project.yaml(
        "crm",
        """
        source: {type: file, path: inbox}
        target: {connection: dwh}
        interfaces:
          stock: {files: stock.csv, primary_key: id}
        """,
    )
    project.target_sql("create table stock (id integer primary key, amount numeric(8,2), seen date, "
                       "_sync_run_id text, _synced_at timestamp)")  # fmt: skip
    project.csv("stock.csv", "id,amount,seen", "1,2.50,2026-01-31", "2,abc,2026-01-31", "x,1,2026-01-31", "4,1,31.1.")
    report = project.run("crm.stock", "r1")
    assert project.rows("select id from stock") == [(1,)]
    assert {rule: count for rule, (count, _) in report.rejected_by_rule.items()} == {
        "type(amount)": 1,
        "type(id)": 1,
        "type(seen)": 1,
    }
