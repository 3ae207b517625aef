"""The stage operators against real SQLite and CSV, in a task context without an Airflow server."""

from __future__ import annotations

import json
import sqlite3
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import TaskInstanceState
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException, TaskDeferred

from sync_provider.core.errors import CancelledError, ConfigError, ConnectError, QualityGateError
from sync_provider.operators.lines import ticket_lines
from sync_provider.operators.request import run_request

STAGES = ("check", "extract", "transform", "quality", "load", "report")


def rows(path: Path, sql: str) -> list[tuple[Any, ...]]:
    with sqlite3.connect(path) as connection:
        return connection.execute(sql).fetchall()


ALERT = """\
    alerts:
      - {when: [failure, success], notifier: sync_provider.notifications.Note, args: {text: "{{ report.summary }}"}}
"""


def test_six_stages_move_the_rows_once_and_set_the_bad_one_aside(dag: Any, run: Any, dwh: Path) -> None:
    tasks, this = dag().task_dict, run()
    for stage in STAGES:
        result = this.run(tasks[f"orders.{stage}"])
        assert json.loads(json.dumps(result)) == result, "XCom stores a tuple with its class"
    assert rows(dwh, "SELECT id, name, amount FROM orders ORDER BY id") == [(1, "ada", 10.5), (3, "cyd", 7)]
    assert {name: n for name, n in result["counters"].items() if n} == {
        "read": 3, "loaded": 2, "inserted": 2, "rejected": 1,
    }  # fmt: skip
    assert rows(dwh, "SELECT rule FROM _sync_rejected") == [("type(amount)",)]


def test_fused_does_the_same_in_one_task(dag: Any, run: Any, dwh: Path) -> None:
    task = dag("    execution: fused\n").task_dict["orders.sync"]
    result = run().run(task)
    assert json.loads(json.dumps(result)) == result
    assert rows(dwh, "SELECT id FROM orders ORDER BY id") == [(1,), (3,)]
    assert (result["status"], result["counters"]["rejected"]) == ("ok", 1)


def test_the_log_says_what_was_read_rejected_and_why(dag: Any, run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    task = dag("    execution: fused\n").task_dict["orders.sync"]
    run().run(task)
    told = capsys.readouterr().out
    assert "lib.src.orders: read 3, loaded 2, rejected 1 (2 inserted)" in told
    assert "type(amount): 1, e.g. row 2 amount='abc' is not decimal(12,2)" in told


def test_check_says_from_where_to_where_and_which_rows(dag: Any, run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    run().run(dag().task_dict["orders.check"])
    told = capsys.readouterr().out
    assert "lib.src.orders: file orders_*.csv → orders · full, merge" in told
    assert "full run: reads all rows" in told


@pytest.mark.parametrize(
    ("window", "said"),
    [
        (("incremental", "5", "9"), "incremental run: reads rows from 5 on, up to 9"),
        (("incremental", None, "9"), "incremental run: reads rows up to 9"),
        (("manual", "5", None), "manual run: reads rows from 5 on"),
        (("backfill", "5", "9"), "backfill run: reads rows from 5 on, before 9"),
        (("full", None, "9"), "full run: reads all rows"),
    ],
)
def test_a_window_is_told_in_words(dag: Any, window: tuple[str, str | None, str | None], said: str) -> None:
    ticket = {"window": dict(zip(("kind", "since", "until"), window, strict=True))}
    assert [text for _, text in ticket_lines(dag().task_dict["orders.check"].plan, ticket)][1:] == [said]


def test_a_load_over_its_budget_shows_a_rejected_row_and_report_the_fix(
    dag: Any, run: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    tasks, this = dag("    max_bad: {rows: 0}\n").task_dict, run()
    for stage in STAGES[:4]:
        this.run(tasks[f"orders.{stage}"])
    capsys.readouterr()
    with pytest.raises(QualityGateError) as failed:
        this.run(tasks["orders.load"])
    told = capsys.readouterr().out
    assert told.index(str(failed.value)) < told.index("rejected rows: 1") < told.index("type(amount): 1, e.g. row 2")
    with pytest.raises(AirflowFailException, match="1 of 3 rows rejected"):
        this.run(tasks["orders.report"])
    told = capsys.readouterr().out
    assert f"failed: {failed.value}\n  fix: look at them" in told


@pytest.mark.parametrize("chosen", [["orders"], []])
def test_an_interface_that_sits_out_skips_at_check_and_its_log_says_why(
    dag: Any, run: Any, chosen: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    check = dag().task_dict["paused.check"]
    with pytest.raises(AirflowSkipException) as skipped:
        run(params={"interfaces": chosen}).run(check)
    assert "lib.src.paused" in str(skipped.value)
    assert str(skipped.value) in capsys.readouterr().out


def test_a_disabled_interface_runs_when_it_is_named(dag: Any, run: Any) -> None:
    assert run(params={"interfaces": ["paused"]}).run(dag().task_dict["paused.check"])["interface"] == "lib.src.paused"


def test_an_error_is_one_sentence_and_report_finds_the_fix(
    dag: Any, run: Any, sent: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tasks, this = dag(ALERT).task_dict, run()
    monkeypatch.delenv("AIRFLOW_CONN_DWH")
    with pytest.raises(ConfigError) as failure:
        this.run(tasks["orders.check"])
    assert str(failure.value) == "connection 'dwh': Airflow has none of that id"
    assert "fix: add it under Admin → Connections, or set AIRFLOW_CONN_DWH" in capsys.readouterr().out
    this.states |= {f"orders.{stage}": "upstream_failed" for stage in STAGES[1:5]}
    with pytest.raises(AirflowFailException, match=r"^connection 'dwh': Airflow has none of that id$"):
        this.run(tasks["orders.report"])
    assert sent == [
        "lib.src.orders failed: connection 'dwh': Airflow has none of that id\n"
        "fix: add it under Admin → Connections, or set AIRFLOW_CONN_DWH"
    ]


def test_a_task_killed_without_a_word_is_reported_as_such(dag: Any, run: Any) -> None:
    tasks, this = dag().task_dict, run()
    for stage in STAGES[:4]:
        this.run(tasks[f"orders.{stage}"])
    this.xcom["orders.load", "return_value"] = {"status": "ok", "counters": {}}  # of an earlier try of a cleared run
    this.states["orders.load"] = TaskInstanceState.FAILED
    with pytest.raises(AirflowFailException, match="task 'load' is failed without a word"):
        this.run(tasks["orders.report"])
    again = run(run_id="manual__2")
    assert again.run(tasks["orders.check"])["run_id"] == "manual__2", "the lease was given back"


def test_a_held_lease_defers_and_a_worker_slot_is_free(dag: Any, run: Any) -> None:
    tasks, first, second = dag().task_dict, run(), run(run_id="manual__2")
    for stage in STAGES[:5]:
        first.run(tasks[f"orders.{stage}"])
    with pytest.raises(TaskDeferred) as deferred:
        second.run(tasks["orders.check"])
    assert deferred.value.method_name == "execute_again"
    assert deferred.value.kwargs["waits"] == 1
    assert deferred.value.trigger.serialize()[0].endswith("DateTimeTrigger")
    with pytest.raises(TaskDeferred):
        tasks["orders.check"].execute_again(second.context("orders.check"), waits=1)
    first.run(tasks["orders.report"])
    ticket = tasks["orders.check"].execute_again(second.context("orders.check"), waits=2, event=None)
    assert ticket["run_id"] == "manual__2"


def test_a_stage_whose_lease_was_lost_fails_and_does_not_wait(dag: Any, run: Any, dwh: Path) -> None:
    tasks, this = dag().task_dict, run()
    for stage in STAGES[:4]:
        this.run(tasks[f"orders.{stage}"])
    rows(dwh, "UPDATE _sync_lease SET token = token + 1")
    with pytest.raises(CancelledError, match="lease was lost"):
        this.run(tasks["orders.load"])
    assert rows(dwh, "SELECT count(*) FROM orders") == [(0,)]


def test_overlap_skip_skips(dag: Any, run: Any) -> None:
    tasks = dag("    overlap: skip\n").task_dict
    run().run(tasks["orders.check"])
    with pytest.raises(AirflowSkipException):
        run(run_id="manual__2").run(tasks["orders.check"])


@pytest.mark.parametrize("load", ["", "    load: staged\n"])
def test_on_kill_stops_a_running_stage_and_nothing_is_committed(dag: Any, run: Any, dwh: Path, load: str) -> None:
    import threading
    import time

    big = "id,name,amount\n" + "".join(f"{n},x,1\n" for n in range(400_000))
    task, this = dag("    execution: fused\n    batch: {rows: 500}\n" + load, big).task_dict["orders.sync"], run()
    threading.Timer(0.5, task.on_kill).start()
    started = time.monotonic()
    with pytest.raises(CancelledError, match="cancelled"):
        this.run(task)
    assert time.monotonic() - started < 10
    assert rows(dwh, "SELECT count(*) FROM orders") == [(0,)]


def test_over_the_budget_is_told_with_the_counters(dag: Any, run: Any, sent: list[str]) -> None:
    task = dag(ALERT + "    execution: fused\n    max_bad: 0\n").task_dict["orders.sync"]
    task.retries = 2
    with pytest.raises(QualityGateError):
        run().run(task, try_number=1, max_tries=2)
    assert len(sent) == 1
    assert "1 of 3 rows rejected" in sent[0]


def test_a_fused_failure_that_is_tried_again_is_not_told_yet(
    dag: Any, run: Any, sent: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    task, this = dag(ALERT + "    execution: fused\n").task_dict["orders.sync"], run()
    monkeypatch.setenv("SYNC_FAILPOINT", "commit:raise")
    for number in (1, 2, 3):
        assert sent == []
        with pytest.raises(ConnectError):
            this.run(task, try_number=number, max_tries=2)
    assert len(sent) == 1


DAY = (datetime(2026, 1, 3, tzinfo=timezone.utc), datetime(2026, 1, 4, tzinfo=timezone.utc))


@pytest.mark.parametrize(
    ("kind", "params", "want"),
    [
        ("scheduled", {}, (None, None, None)),
        ("manual", {"full": True}, ("full", None, None)),
        ("manual", {"since": "2026-01-01T00:00:00Z"}, ("manual", "2026-01-01T00:00:00Z", None)),
        ("backfill", {}, ("backfill", "2026-01-03T00:00:00+00:00", "2026-01-04T00:00:00+00:00")),
        ("backfill", {"full": True}, ("full", None, None)),
    ],
)
def test_what_airflow_asks_is_what_the_engine_is_asked(run: Any, kind: str, params: dict[str, Any], want: Any) -> None:
    asked = run_request(run(run_type=kind, params=params, interval=DAY).context("orders.check", try_number=2))
    assert (asked.kind, asked.since, asked.until) == want
    assert (asked.run_id, asked.try_number) == ("manual__1", 2)
