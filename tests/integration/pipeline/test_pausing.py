"""A load in chunks that pauses when the window of the day ends, and goes on when it opens."""

from __future__ import annotations

import pickle
from datetime import datetime, timedelta, timezone

import pytest

from sync_provider.core import engine
from sync_provider.core.errors import BusyError, PausedError
from sync_provider.core.plan.hours import opens_at
from tests.integration.pipeline.chunking import (
    BAD,
    CHUNKS,
    SIZE,
    Fused,
    Staged,
    check_whole,
    count_chunks,
    lay_out,
)
from tests.integration.pipeline.project import Project

WAYS = pytest.mark.parametrize("way", [Fused, Staged], ids=["fused", "staged"])


def _past() -> datetime:
    return datetime.now(timezone.utc) - timedelta(seconds=1)


@WAYS
def test_it_stops_behind_a_chunk_and_goes_on_there(project: Project, way: type[Fused | Staged]) -> None:
    lay_out(project, load='load: staged\n        window: "01:00-02:00"')
    written, run = count_chunks(project), way(project)
    for chunk in (1, 2, 3):
        stop_at = _past()
        with pytest.raises(PausedError, match=rf"ended after {chunk * SIZE:,} rows, which are safe in {chunk} chunks"):
            run.go(stop_at=stop_at)
        assert written() == chunk
        assert project.rows("select count(*) from loaded") == [(0,)]
        assert project.rows("select status from _sync_load") == [("running",)]
    report = run.go(stop_at=datetime.now(timezone.utc) + timedelta(hours=1))
    check_whole(project, report)
    assert written() == CHUNKS


@WAYS
def test_the_lease_waits_with_it(project: Project, way: type[Fused | Staged]) -> None:
    lay_out(project, load='load: staged\n        window: "01:00-02:00"')
    run, stop_at = way(project), _past()
    with pytest.raises(PausedError) as paused:
        run.go(stop_at=stop_at)
    plan = project.plan("crm.orders")
    assert plan.hours is not None
    until = opens_at(plan.hours, stop_at)
    assert pickle.loads(pickle.dumps(paused.value)).until == paused.value.until == until
    held = engine.state_of(plan, project.connections)["lease"]
    assert held["run_id"] == "r1"
    assert held["expires_at"] > until
    with pytest.raises(BusyError, match="run 'r1' holds the lease"):
        project.run("crm.orders", "r2")


@WAYS
def test_the_next_run_may_take_over(project: Project, way: type[Fused | Staged]) -> None:
    lay_out(project, load='load: staged\n        window: "01:00-02:00"\n        overlap: cancel_running')
    with pytest.raises(PausedError):
        way(project).go(stop_at=_past())
    check_whole(project, Fused(project).go("r2"))


def test_a_load_of_before_done_again_leaves_the_chunks_of_a_paused_run(project: Project) -> None:
    """It has committed; what is there by now belongs to the run that took the lease after it."""
    lay_out(project, load='load: staged\n        window: "01:00-02:00"')
    plan, first, second = project.plan("crm.orders"), Staged(project), Staged(project)
    handed = first._hand("r0")
    engine.load(plan, *handed, project.connections, engine.Cancel())
    project.target_sql("update _sync_lease set expires_at = '2020-01-01 00:00:00' where run_id = 'r0'")
    with pytest.raises(PausedError):
        second.go(stop_at=_past())
    written = count_chunks(project)
    again = engine.report_from_json(engine.load(plan, *handed, project.connections, engine.Cancel()))
    assert again.counters.loaded == CHUNKS * SIZE - BAD
    assert second.go().notes[0].endswith("an earlier try left 1 chunks with 20 rows read, which stay")
    assert written() == CHUNKS - 1


def test_a_load_in_one_transaction_does_not_pause(project: Project) -> None:
    lay_out(project, load='resume_over: 100000\n        window: "01:00-02:00"', write="write: append")
    report = Fused(project).go(stop_at=_past())
    assert report.notes[0].startswith("load: in one transaction, because ")
