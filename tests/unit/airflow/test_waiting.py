"""Tasks that wait or sit out: the window of the day, another run's lease, a schedule of `once`; how long they may."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowSkipException, TaskDeferralTimeout, TaskDeferred

from sync_provider.core import engine
from sync_provider.core.errors import BusyError, PausedError, ResourceError
from sync_provider.operators.stage import Stage

NIGHT = '    window: "01:00-06:00 Asia/Shanghai"\n'
NOON, NIGHT_TIME = datetime(2026, 6, 1, 12, 30, tzinfo=timezone.utc), datetime(2026, 6, 1, 18, 0, tzinfo=timezone.utc)
OPENS = datetime(2026, 6, 1, 17, tzinfo=timezone.utc)
Build = Callable[..., DAG]
STAGES = ("check", "extract", "transform", "quality", "load", "report")


def rows(path: Path, sql: str) -> list[tuple[Any, ...]]:
    with sqlite3.connect(path) as connection:
        return connection.execute(sql).fetchall()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """A function that sets the operators' clock; everything else keeps the real one."""

    def turn(moment: datetime) -> None:
        monkeypatch.setattr("sync_provider.operators.stage._now", lambda: moment)

    turn(NOON)
    return turn


def deferred(task: Any, context: Any, **kwargs: Any) -> TaskDeferred:
    """Return what a task leaves when it gives its slot back."""
    with pytest.raises(TaskDeferred) as left:
        task.execute_again(context, **kwargs) if kwargs else task.execute(context)
    return left.value


@pytest.mark.parametrize(("execution", "name"), [("", "orders.check"), ("    execution: fused\n", "orders.sync")])
def test_outside_its_window_a_run_waits_until_it_opens_and_then_runs(
    dag: Build, run: Any, clock: Any, execution: str, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    task, this = dag(NIGHT + execution).task_dict[name], run()
    left = deferred(task, this.context(name))
    assert (left.trigger.moment, left.method_name) == (OPENS, "execute_again")
    assert left.timeout == OPENS - NOON + timedelta(hours=1), "nobody waits for ever for a triggerer that is gone"
    assert (
        "interface 'lib.src.orders' is outside its window, which opens at 2026-06-01 17:00 UTC"
        in capsys.readouterr().out
    )
    clock(OPENS)
    back = task.resume_execution(left.method_name, {**left.kwargs, "event": OPENS}, this.context(name))
    assert back["interface"] == "lib.src.orders"


@pytest.mark.parametrize(("execution", "name"), [("", "orders.check"), ("    execution: fused\n", "orders.sync")])
def test_outside_its_window_a_run_is_skipped_where_yaml_says_so(
    dag: Build, run: Any, clock: Any, dwh: Path, execution: str, name: str
) -> None:
    task = dag(NIGHT + "    outside: skip\n" + execution).task_dict[name]
    with pytest.raises(AirflowSkipException, match="opens at 2026-06-01 17:00 UTC; `outside: skip`"):
        run().run(task)
    clock(NIGHT_TIME)
    assert run().run(task)["interface"] == "lib.src.orders"


@pytest.mark.parametrize("outside", ["wait", "skip"])
@pytest.mark.parametrize("stage", ["extract", "load"])
def test_a_run_that_has_begun_waits_for_the_next_window_whatever_outside_says(
    dag: Build, run: Any, clock: Any, dwh: Path, stage: str, outside: str
) -> None:
    tasks, this = dag(NIGHT + f"    outside: {outside}\n").task_dict, run()
    clock(NIGHT_TIME)
    for each in STAGES[: STAGES.index(stage)]:
        this.run(tasks[f"orders.{each}"])
    clock(NOON + timedelta(days=1))
    left = deferred(tasks[f"orders.{stage}"], this.context(f"orders.{stage}"))
    assert left.trigger.moment == OPENS + timedelta(days=1)
    clock(OPENS + timedelta(days=1))
    this.xcom[f"orders.{stage}", "return_value"] = tasks[f"orders.{stage}"].execute_again(
        this.context(f"orders.{stage}")
    )
    for each in STAGES[STAGES.index(stage) + 1 :]:
        this.states[f"orders.{stage}"] = "success"
        this.run(tasks[f"orders.{each}"])
    assert rows(dwh, "SELECT count(*) FROM orders") == [(2,)]


def test_stages_that_touch_neither_end_do_not_mind_the_window(dag: Build, run: Any, clock: Any) -> None:
    tasks, this = dag(NIGHT).task_dict, run()
    clock(NIGHT_TIME)
    for stage in ("check", "extract"):
        this.run(tasks[f"orders.{stage}"])
    clock(NOON)
    for stage in ("transform", "quality"):
        this.run(tasks[f"orders.{stage}"])


def test_a_person_who_says_any_time_runs_at_any_time(dag: Build, run: Any, clock: Any) -> None:
    built = dag(NIGHT)
    assert built.params.get_param("any_time").schema["type"] == "boolean"
    assert run(params={"any_time": True}).run(built.task_dict["orders.check"])["interface"] == "lib.src.orders"


def test_a_form_without_a_window_does_not_ask(dag: Build) -> None:
    assert "any_time" not in dag().params


def test_an_interface_that_sits_out_does_not_wait_for_its_window(dag: Build, run: Any, clock: Any) -> None:
    with pytest.raises(AirflowSkipException, match="was not selected"):
        run(params={"interfaces": ["paused"]}).run(dag(NIGHT).task_dict["orders.check"])


@pytest.mark.parametrize(("execution", "name"), [("", "orders.load"), ("    execution: fused\n", "orders.sync")])
def test_a_paused_load_waits_and_the_same_task_goes_on(
    dag: Build,
    run: Any,
    clock: Any,
    dwh: Path,
    sent: list[str],
    monkeypatch: pytest.MonkeyPatch,
    execution: str,
    name: str,
) -> None:
    tasks, this = dag(NIGHT + execution).task_dict, run()
    clock(NIGHT_TIME)
    for stage in STAGES[:4] if not execution else ():
        this.run(tasks[f"orders.{stage}"])
    called = "load" if not execution else "run"
    honest, asked = getattr(engine, called), []

    def paused(*args: Any, **kwargs: Any) -> Any:
        asked.append(kwargs.get("stop_at"))
        monkeypatch.setattr(engine, called, honest)
        raise PausedError("the window closed after 3 of 9 chunks", until=OPENS + timedelta(days=1))

    monkeypatch.setattr(engine, called, paused, raising=False)
    left = deferred(tasks[name], this.context(name))
    assert asked == [datetime(2026, 6, 1, 22, tzinfo=timezone.utc)], "the engine is told when the window closes"
    assert left.trigger.moment == OPENS + timedelta(days=1)
    clock(OPENS + timedelta(days=1))
    assert tasks[name].execute_again(this.context(name), **left.kwargs)["status"] == "ok"
    assert rows(dwh, "SELECT count(*) FROM orders") == [(2,)]
    assert sent == [], "a pause is no failure"


@pytest.mark.parametrize(("execution", "name"), [("", "orders.load"), ("    execution: fused\n", "orders.sync")])
def test_a_load_in_chunks_stops_when_its_window_closes_and_no_chunk_is_loaded_twice(
    dag: Build, run: Any, clock: Any, dwh: Path, monkeypatch: pytest.MonkeyPatch, execution: str, name: str
) -> None:
    many = "id,name,amount\n" + "".join(f"{n},x,1\n" for n in range(1, 1001))
    tasks, this = dag(NIGHT + "    load: staged\n    batch: {rows: 100}\n" + execution, many).task_dict, run()
    clock(NIGHT_TIME)
    for stage in STAGES[:4] if not execution else ():
        this.run(tasks[f"orders.{stage}"])
    held = "SELECT number, rows_staged, at FROM _sync_chunk WHERE number > 0 ORDER BY number"
    seen, kwargs = [], {}
    for _ in range(3):
        # the engine's own clock is past the end of that night: it stops behind each chunk
        left = deferred(tasks[name], this.context(name), **kwargs)
        seen.append(rows(dwh, held))
        clock(left.trigger.moment)
        kwargs = left.kwargs
    assert [[number for number, *_ in each] for each in seen] == [[1], [1, 2], [1, 2, 3]]
    assert seen[2][:2] == seen[1], "what is safe is not written again"
    assert {count for _, count, _ in seen[2]} == {100}
    assert rows(dwh, "SELECT count(*) FROM orders") == [(0,)], "readers see the old state until all is there"
    monkeypatch.setattr(Stage, "stop_at", lambda *_: None)
    report = tasks[name].execute_again(this.context(name), **left.kwargs)
    assert (report["counters"]["read"], report["counters"]["loaded"]) == (1000, 1000)
    assert rows(dwh, "SELECT count(*), count(DISTINCT id) FROM orders") == [(1000, 1000)]


def holding(dag: Build, run: Any, more: str = "") -> tuple[Any, Any, Any]:
    """Return the tasks, a run that holds the lease, and one that comes second."""
    tasks, first, second = dag(more).task_dict, run(), run(run_id="manual__2")
    first.run(tasks["orders.check"])
    return tasks, first, second


def test_waiting_for_a_lease_ends_with_the_timeout(dag: Build, run: Any, clock: Any) -> None:
    tasks, _first, second = holding(dag, run, "    timeout: 25s\n")
    check, context = tasks["orders.check"], second.context("orders.check")
    left = deferred(check, context)
    waits = [left.timeout - timedelta(hours=1)]
    clock(NOON + timedelta(seconds=10))
    left = deferred(check, context, **left.kwargs)
    waits.append(left.timeout - timedelta(hours=1))
    assert [wait.total_seconds() for wait in waits] == [10, 15], "never past the timeout"
    clock(NOON + timedelta(seconds=25))
    with pytest.raises(BusyError, match=r"run 'manual__1' holds the lease .* and waiting for it ran out of time"):
        check.execute_again(context, **left.kwargs)
    assert second.xcom["orders.check", "error"]["fix"].startswith("raise `timeout`")


def test_without_a_timeout_a_lease_is_waited_for_as_long_as_it_takes(dag: Build, run: Any, clock: Any) -> None:
    tasks, _first, second = holding(dag, run)
    context, kwargs = second.context("orders.check"), {}
    seen = []
    for step in range(5):
        clock(NOON + timedelta(hours=step))
        left = deferred(tasks["orders.check"], context, **kwargs)
        kwargs = left.kwargs
        seen.append((left.timeout - timedelta(hours=1)).total_seconds())
    assert seen == [10, 20, 40, 60, 60]


def test_a_fused_task_that_waited_too_long_tells_people(dag: Build, run: Any, clock: Any, sent: list[str]) -> None:
    text = "{{ report.summary }}"
    alert = f'    alerts: [{{when: failure, notifier: sync_provider.notifications.Note, args: {{text: "{text}"}}}}]\n'
    holding(dag, run)
    task, second = (
        dag(alert + "    execution: fused\n    timeout: 5s\n").task_dict["orders.sync"],
        run(run_id="manual__2"),
    )
    left = deferred(task, second.context("orders.sync"))
    assert sent == []
    clock(NOON + timedelta(seconds=6))
    with pytest.raises(BusyError):
        task.execute_again(second.context("orders.sync", try_number=1), **left.kwargs)
    assert len(sent) == 1
    assert "ran out of time" in sent[0]


def test_a_wait_that_nobody_ended_is_told_in_our_words(dag: Build, run: Any) -> None:
    this, check = run(), dag().task_dict["orders.check"]
    with pytest.raises(ResourceError, match=r"task 'orders\.check' was waiting and nobody woke it") as failed:
        check.resume_execution("__fail__", {"error": "Trigger timeout"}, this.context("orders.check"))
    assert not isinstance(failed.value, TaskDeferralTimeout)
    assert this.xcom["orders.check", "error"]["fix"] == "see that Airflow's triggerer runs"
    assert check.retry_policy.allows(failed.value)


def scheduled_once(dag: Build, run: Any, run_id: str, more: str = "", kind: str = "scheduled") -> Any:
    """Run all stages of the interface under `schedule: once`."""
    tasks = build_once(dag, more)
    this = run(run_id=run_id, run_type=kind)
    return this.run(tasks["orders.sync"])


def build_once(dag: Build, more: str) -> Any:
    return dag("    schedule: once\n    execution: fused\n" + more, dag_id="lib.src.orders").task_dict


def test_once_is_once_per_version_and_a_person_may_do_it_again(dag: Build, run: Any, dwh: Path) -> None:
    scheduled_once(dag, run, "scheduled__1")
    with pytest.raises(AirflowSkipException, match="is scheduled once, and run 'scheduled__1' was it"):
        scheduled_once(dag, run, "scheduled__2")
    assert scheduled_once(dag, run, "scheduled__1")["status"] == "ok", "cleared, a run is done again"
    assert scheduled_once(dag, run, "manual__1", kind="manual")["status"] == "ok"
    assert scheduled_once(dag, run, "scheduled__3", "    priority: 2\n")["status"] == "ok", "another version"
    with pytest.raises(AirflowSkipException, match="'scheduled__3' was it"):
        scheduled_once(dag, run, "scheduled__4", "    priority: 2\n")
    assert scheduled_once(dag, run, "scheduled__5")["status"] == "ok", "going back to an old version is a change"
    with pytest.raises(AirflowSkipException, match="'scheduled__5' was it"):
        scheduled_once(dag, run, "scheduled__6")
