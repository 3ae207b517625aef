"""Loads in chunks: a kill costs one chunk at most, and what is there in the end is that of an undisturbed run."""

from __future__ import annotations

import pytest

from sync_provider.core.engine.failpoints import CHUNK_EDGES
from sync_provider.core.errors import ContractError, QualityGateError
from tests.integration.pipeline.chunking import (
    APPEND,
    CHUNKS,
    MERGE,
    ROWS,
    SIZE,
    STAGE,
    Fused,
    Staged,
    check_nothing_left,
    check_whole,
    count_chunks,
    lay_out,
    stage_is_there,
)
from tests.integration.pipeline.project import Project

WAYS = pytest.mark.parametrize("way", [Fused, Staged], ids=["fused", "staged"])


@WAYS
@pytest.mark.parametrize("write", [MERGE, APPEND], ids=["merge", "append"])
def test_undisturbed(project: Project, write: str, way: type[Fused | Staged]) -> None:
    lay_out(project, write)
    report = way(project).go()
    check_whole(project, report)
    assert report.notes[0] == "load: staged in chunks, because `load: staged` says so"


@pytest.mark.parametrize(("way", "database"), [(Fused, False), (Fused, True), (Staged, False)])
def test_a_hundred_chunks_killed_at_the_sixtieth_redo_at_most_one(
    project: Project, way: type[Fused | Staged], database: bool
) -> None:
    lay_out(project, database=database)
    written, run = count_chunks(project), way(project)
    assert run.killed("chunk@60") == -9
    assert project.rows("select count(*) from loaded") == [(0,)]
    assert project.rows("select count(*) from _sync_rejected where state <> 'staged'") == [(0,)]
    assert written() == 59
    report = run.go()
    check_whole(project, report)
    assert written() == CHUNKS, "no chunk that was committed is written again"
    assert report.notes[0] == (
        f"load: staged in chunks, because an earlier try left 59 chunks with {59 * SIZE:,} rows read, which stay"
    )


@WAYS
@pytest.mark.parametrize(
    "edge", [*(f"{edge}@1" for edge in CHUNK_EDGES), "after_chunk@100", "move", "rejected", "commit"]
)
def test_killed_at(project: Project, edge: str, way: type[Fused | Staged]) -> None:
    lay_out(project)
    written, run = count_chunks(project), way(project)
    assert run.killed(edge) == -9
    over = edge == "discard@1"
    assert project.rows("select count(*) from loaded") == [(ROWS - ROWS // 50 if over else 0,)]
    check_whole(project, run.go())
    twice = over and way is Fused  # a run of one process that is done again reads its window again
    assert written() == CHUNKS * (2 if twice else 1)


@WAYS
def test_killed_twice(project: Project, way: type[Fused | Staged]) -> None:
    lay_out(project, APPEND)
    written, run = count_chunks(project), way(project)
    assert run.killed("chunk@30") == -9
    assert run.killed("after_chunk@30") == -9
    assert written() == 59
    check_whole(project, run.go())
    assert written() == CHUNKS


def test_parts_that_were_made_again_are_loaded_afresh(project: Project) -> None:
    lay_out(project)
    written, run = count_chunks(project), Staged(project)
    assert run.killed("chunk@60") == -9
    run.again()
    check_whole(project, run.go())
    assert written() == 59 + CHUNKS


def test_another_configuration_begins_afresh(project: Project) -> None:
    lay_out(project)
    assert Fused(project).killed("chunk@60") == -9
    lay_out(project, load="load: staged\n        owner: somebody\n        max_bad: 50%")
    check_whole(project, Fused(project).go())


def test_another_run_throws_away_what_is_left(project: Project) -> None:
    lay_out(project)
    assert Fused(project).killed("chunk@60") == -9
    assert stage_is_there(project)
    check_whole(project, Fused(project).go("r2"))


def test_a_run_in_one_transaction_throws_it_away_too(project: Project) -> None:
    lay_out(project)
    assert Fused(project).killed("chunk@60") == -9
    lay_out(project, load="resume_over: 1000000")
    report = Fused(project).go("r2")
    check_whole(project, report)
    assert not report.notes, "what everybody expects is no news"


@pytest.mark.parametrize("harm", [f"delete from {STAGE} where __row = 7", f"drop table {STAGE}"])
@pytest.mark.parametrize("way", [Staged])
def test_a_stage_that_lost_rows_is_not_gone_on_with(project: Project, harm: str, way: type[Staged]) -> None:
    """What a server's crash does to an unlogged table."""
    lay_out(project)
    written, run = count_chunks(project), way(project)
    assert run.killed("chunk@60") == -9
    project.target_sql(harm)
    check_whole(project, run.go())
    assert written() == 59 + CHUNKS


def test_rejected_rows_that_were_lost_are_found_again(project: Project) -> None:
    lay_out(project)
    run = Staged(project)
    assert run.killed("chunk@60") == -9
    project.target_sql("delete from _sync_rejected where _sync_rejected.row_number = 100")
    check_whole(project, run.go())


def test_chunks_that_cannot_be_read(project: Project) -> None:
    lay_out(project)
    run = Staged(project)
    assert run.killed("chunk@60") == -9
    project.target_sql("update _sync_chunk set counters = '{\"read\": 20' where number = 30")
    with pytest.raises(ContractError, match="chunk 30 of run 'r1' in _sync_chunk cannot be read") as corrupt:
        run.go()
    assert corrupt.value.fix.startswith("DELETE FROM _sync_chunk WHERE interface = 'erp.crm.orders'")
    project.target_sql(corrupt.value.fix.partition(";")[0])
    check_whole(project, run.go())


@WAYS
def test_a_budget_goes_on_counting_over_a_kill(project: Project, way: type[Fused | Staged]) -> None:
    """30 rows are bad in the first 75 chunks: the 31st, after the kill, is one too many."""
    lay_out(project, load="load: staged\n        max_bad: {rows: 30}")
    run = way(project)
    assert run.killed("chunk@60") == -9
    with pytest.raises(QualityGateError, match=r"31 of 1,560 rows rejected .*, limit 30 rows"):
        run.go()
    assert project.rows("select count(*) from loaded") == [(0,)]
    kept = project.rows("select r.row_number, r.state, r.shard from _sync_rejected r order by r.row_number")
    assert kept == [(n, "aborted", "") for n in range(50, 1551, 50)]
    check_nothing_left(project)


def test_a_cleared_run_replaces_what_it_wrote(project: Project) -> None:
    lay_out(project, APPEND)
    check_whole(project, Fused(project).go())
    assert Fused(project).killed("chunk@60") == -9
    assert project.rows("select count(*) from _sync_rejected where state = 'new'") == [(ROWS // 50,)]
    assert project.rows("select count(*) from loaded") == [(ROWS - ROWS // 50,)], "as it was until the commit"
    check_whole(project, Fused(project).go())


@WAYS
@pytest.mark.parametrize("how", ["truncate", "swap"])
def test_a_replace_killed_in_the_middle(project: Project, how: str, way: type[Fused | Staged]) -> None:
    lay_out(project, f"write: replace\n        replace: {how}\n        guard: {{min_rows: 100}}")
    written, run = count_chunks(project), way(project)
    assert run.killed("chunk@60") == -9
    check_whole(project, run.go())
    assert written() == CHUNKS


@WAYS
def test_missing_rows_are_deleted_behind_a_kill(project: Project, way: type[Fused | Staged]) -> None:
    lay_out(project, "primary_key: id\n        deletes: hard\n        guard: {min_rows: 1}")
    written, run = count_chunks(project), way(project)
    assert run.killed("chunk@60") == -9
    project.target_sql("insert into loaded (id, amount, buyer) values (-1, 1.00, 'gone'), (50, 1.00, 'rejected')")
    report = run.go()
    assert written() == CHUNKS
    assert (report.counters.leak(), report.counters.deleted) == (0, 1), "a row that was rejected is not missing"
    assert project.rows("select id from loaded where id < 2 or id = 50 order by id") == [(1,), (50,)]
    check_nothing_left(project)
