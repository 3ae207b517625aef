"""`limit:`: some rows only, the law holds, and the checkpoint stays."""

from __future__ import annotations

import pytest

from tests.integration.pipeline.project import Project

YAML = """
    source: {type: %s, connection: shop}
    target: {connection: dwh%s}
    batch: {rows: 4}
    limit: 6
    interfaces:
      items:
        table: items
        %s
        incremental: {cursor: updated_at}
    """


def _project(project: Project, write: str) -> Project:
    kind = project.source.type
    project.yaml("shop", YAML % (kind, ", schema: ods" if kind == "postgres" else "", write))
    project.source_sql("create table items (id integer primary key, name text, updated_at timestamp)")
    for number in range(1, 11):
        project.source_sql(f"insert into items values ({number}, 'n', '2026-01-01 10:00:{number:02}')")
    return project


def _count(project: Project) -> int:
    table = "ods.items" if project.target.type == "postgres" else "items"
    return int(project.rows(f"select count(*) from {table}")[0][0])


@pytest.mark.parametrize("write", ["primary_key: id", "write: append"])
def test_a_limited_run_reads_the_same_rows_again(project: Project, write: str) -> None:
    shop = _project(project, write)

    for run in ("r1", "r2"):
        report = shop.run("shop.items", run)
        assert (report.counters.read, report.counters.loaded, report.checkpoint) == (6, 6, None)
        assert report.counters.leak() == 0
        assert "limit: at most 6 rows are read; the checkpoint stays where it is" in report.notes
        assert _count(shop) == 6
    assert shop.run_staged("shop.items", "r3").counters.read == 6
    assert _count(shop) == 6


def test_bad_rows_count_as_read(lite: Project) -> None:
    lite.csv("a.csv", "id,n", "1,a", "2", "3,c", "4,d,e", "5,f")
    lite.yaml("files", """
        source: {type: file, path: inbox}
        target: {connection: dwh}
        limit: 3
        interfaces: {a: {files: a.csv, primary_key: id}}
    """)  # fmt: skip

    report = lite.run("files.a", "r1")

    assert (report.counters.read, report.counters.rejected, report.counters.loaded) == (3, 1, 2)
