"""An append that reads rows again replaces exactly these, whatever type the cursor has."""

from __future__ import annotations

import pytest

from sync_provider.core.errors import ConfigError, QualityGateError
from tests.integration.pipeline.project import Project

YAML = """
    source: {type: %s, connection: shop}
    target: {connection: dwh}
    interfaces:
      items: {table: items, write: append, incremental: {cursor: at, lag: 5m}%s}
    """


def _lay_out(project: Project, cursor: str, *values: str, words: str = "") -> None:
    project.yaml("shop", YAML % (project.source.type, words))
    project.source_sql(f"create table items (id integer, at {cursor})")
    for number, value in enumerate(values):
        project.source_sql(f"insert into items values ({number}, '{value}')")


def test_a_day_that_is_not_read_again_stays(project: Project) -> None:
    days = ("2026-01-01", "2026-01-02", "2026-01-02", "2026-01-03")
    _lay_out(project, "date", *days, words=", target: {table: kept}")
    for run_id in ("r1", "r2", "r3", "r2"):
        project.run("shop.items", run_id)
    assert project.rows("select id from kept order by id") == [(0,), (1,), (2,), (3,)]


@pytest.mark.parametrize("form", ["2026-01-02T%02d:00:00", "2026-01-02T%02d:00:00Z", "2026-01-02 %02d:00"])
def test_a_text_cursor_is_replaced_as_the_time_it_says(lite: Project, form: str) -> None:
    _lay_out(lite, "text", *[form % hour for hour in (1, 9, 10)])
    for run_id in ("r1", "r2", "r1", "r3"):
        lite.run("shop.items", run_id)
    assert lite.rows("select id from items order by id") == [(0,), (1,), (2,)]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (", columns: {at: {type: text}}", "is text in the target"),
        (", columns: {at: {type: timestamp, timezone: Asia/Shanghai}}", "clock of Asia/Shanghai"),
    ],
)
def test_a_cursor_that_arrives_otherwise_is_refused(pg: Project, words: str, said: str) -> None:
    _lay_out(pg, "timestamptz", "2026-01-02 10:00:00+00", words=words + ", target: {table: kept}")
    with pytest.raises(ConfigError, match=said):
        pg.run("shop.items", "r1")


def test_a_cursor_that_is_rounded_is_refused(pg: Project) -> None:
    _lay_out(pg, "timestamptz", "2026-01-02 10:00:00.6+00", words=", target: {table: kept}")
    pg.target_sql("create table kept (id int, at timestamptz(0), _sync_run_id text, _synced_at timestamptz)")
    with pytest.raises(ConfigError, match="is rounded to timestamp"):
        pg.run("shop.items", "r1")


@pytest.mark.parametrize("words", [", columns: {at: {drop: true}}", ", mask: {at: redact}"])
def test_without_its_cursor_nothing_is_appended_twice(project: Project, words: str) -> None:
    _lay_out(project, "timestamp", "2026-01-02 10:00:00")
    project.yaml("shop", (YAML % (project.source.type, words)).replace("lag: 5m", "lag: 0s"))
    with pytest.raises(AssertionError, match="would be added twice"):
        project.plan("shop.items")


def test_a_full_read_is_not_done_again_over_later_rows(project: Project) -> None:
    _lay_out(project, "timestamp", "2026-01-02 10:00:00", words=", target: {table: kept}")
    project.run("shop.items", "r1", kind="full")
    assert project.run("shop.items", "r1", kind="full").counters.loaded == 1
    project.source_sql("insert into items values (1, '2026-01-02 11:00:00')")
    project.run("shop.items", "r2")
    with pytest.raises(ConfigError, match="would append every row"):
        project.run("shop.items", "r1")
    assert project.rows("select id from kept order by id") == [(0,), (1,)]


def test_a_failed_first_run_is_cleared_after_a_later_one_read_its_rows(project: Project) -> None:
    checked = ", target: {table: kept}, max_bad: {rows: 0}, checks: [{not_null: [id]}]"
    _lay_out(project, "timestamp", "2026-01-02 10:00:00", words=checked)
    project.source_sql("insert into items values (null, '2026-01-02 11:00:00')")
    with pytest.raises(QualityGateError):
        project.run("shop.items", "r1")
    project.source_sql("update items set id = 1 where id is null")
    project.run("shop.items", "r2")
    assert project.run("shop.items", "r1").counters.deleted == 2
    assert project.rows("select id from kept order by id") == [(0,), (1,)]


def test_many_failed_runs_do_not_make_a_full_read_harmless(project: Project) -> None:
    checked = ", target: {table: kept}, max_bad: {rows: 0}, checks: [{not_null: [id]}]"
    _lay_out(project, "timestamp", "2026-01-02 10:00:00", words=checked)
    project.run("shop.items", "r1")
    project.source_sql("insert into items values (null, '2026-01-02 11:00:00')")
    for number in range(6):
        with pytest.raises(QualityGateError):
            project.run("shop.items", f"failed{number}")
    with pytest.raises(ConfigError, match="would append every row"):
        project.run("shop.items", "r2", kind="full")


def test_a_run_id_cannot_be_given_another_window(project: Project) -> None:
    _lay_out(project, "timestamp", "2026-01-02 10:00:00", words=", target: {table: kept}")
    asked = {"kind": "manual", "since": "2026-01-02T00:00:00+00:00", "until": "2026-01-03T00:00:00+00:00"}
    project.run("shop.items", "r1", **asked)
    assert project.run("shop.items", "r1", **asked).counters.deleted == 1
    assert project.run("shop.items", "r1").counters.deleted == 1
    for other in ({**asked, "since": "2026-01-01T00:00:00+00:00"}, {**asked, "until": "2026-02-03"}, {"kind": "full"}):
        with pytest.raises(ConfigError, match="run 'r1' read the manual window"):
            project.run("shop.items", "r1", **other)
