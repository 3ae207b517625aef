"""An append that reads rows again replaces exactly these, whatever type the cursor has."""

from __future__ import annotations

import pytest

from sync_provider.core.errors import ConfigError
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
