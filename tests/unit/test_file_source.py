"""Source `file`: folders, several files, headers that differ, numbers and positions of rows."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sync_provider.core.contracts import (
    REJECTED,
    ROW,
    Batch,
    ColumnPlan,
    ConnectionInfo,
    MaskPlan,
    Plan,
    SchedulePlan,
    SourcePlan,
    TargetPlan,
    Window,
)
from sync_provider.core.errors import ConfigError, DataError, SkippedError
from sync_provider.core.sources.file import SOURCE


def nobody(name: str) -> ConnectionInfo:
    raise AssertionError("files need no connection")


def plan_of(folder: Path, files: str, **options: Any) -> Plan:
    source = SourcePlan("file", None, {"path": str(folder), "files": files, **options})
    return Plan("lib", "shop", "orders", source, TargetPlan("t", "x"), "full", "append", SchedulePlan("manual"))


def read(plan: Plan) -> list[Batch]:
    source = SOURCE.open(plan, nobody)
    source.ping()
    return list(source.read(source.window("full", None, None)))


def put(folder: Path, **files: str) -> None:
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8", newline="")


def test_row_1000_is_the_thousandth_data_row(tmp_path: Path) -> None:
    rows = [f"{number},{'abc' if number == 1000 else number}" for number in range(1, 5001)]
    put(tmp_path, orders_1="id,amount\n" + "\n".join(rows))
    batches = read(replace(plan_of(tmp_path, "orders_*.csv"), batch_rows=999))
    second = batches[1]
    assert (second.origin, second.first_line, second.frame.row(0)) == ("orders_1.csv", 1000, ("1000", "abc", 1000))
    assert [batch.first_line for batch in batches] == [1, 1000, 1999, 2998, 3997, 4996]
    assert batches[0].total == 5000


def test_files_come_by_name_and_columns_by_their_own(tmp_path: Path) -> None:
    put(tmp_path, orders_2="b,a\n2b,2a\n", orders_1="a,b\n1a,1b\n", other="x\n1\n", orders_3="a,b\n")
    batches = read(plan_of(tmp_path, "orders_*.csv"))
    assert [(batch.origin, batch.first_line, batch.frame.rows()) for batch in batches] == [
        ("orders_1.csv", 1, [("1a", "1b", 1)]),
        ("orders_2.csv", 1, [("2a", "2b", 2)]),
    ]
    assert all(batch.frame.columns == ["a", "b", ROW] for batch in batches)


def test_headers_that_differ_are_named(tmp_path: Path) -> None:
    put(tmp_path, o1="id,amount\n1,2\n", o2="id, Amount\n1,2\n")
    with pytest.raises(DataError, match=r"file o2\.csv: column 'amount' is missing, got 'id', ' Amount'") as caught:
        read(plan_of(tmp_path, "o*.csv"))
    assert caught.value.fix == "rename ' Amount' in the file"
    put(tmp_path, o2="id,amount,note\n1,2,3\n")
    with pytest.raises(DataError, match=r"file o2\.csv: column 'note' is not in the first file, o1\.csv"):
        read(plan_of(tmp_path, "o*.csv"))
    plan = replace(plan_of(tmp_path, "o*.csv"), columns=(ColumnPlan("note", "note", drop=True),))
    assert [batch.frame.rows() for batch in read(plan)] == [[("1", "2", 1)], [("1", "2", 2)]]


def test_bad_rows_are_rejected_with_their_place(tmp_path: Path) -> None:
    put(tmp_path, o1="a,b\n1,2\n3\n5,6\n", o2='a,b\n1,2,3\n7,8\n9,"x"y\n')
    first, second = read(plan_of(tmp_path, "o*.csv"))
    assert first.frame.rows() == [("1", "2", 1), ("5", "6", 3)]
    assert second.frame.rows() == [("7", "8", 5)]
    assert second.first_line == 2
    assert first.bad is not None
    assert second.bad is not None
    assert tuple(first.bad.columns) == REJECTED
    assert first.bad.rows() == [
        (2, "o1.csv:2", "data", "csv", "row 2 has 1 field, expected 2", None, None, '{"text": "3"}', "quarantine")
    ]
    assert second.bad.select(ROW, "position", "message").rows() == [
        (4, "o2.csv:1", "row 1 has 3 fields, expected 2"),
        (6, "o2.csv:3", "row 3 has text after a closing quote"),
    ]


def test_a_masked_interface_keeps_no_text_of_a_bad_row(tmp_path: Path) -> None:
    (tmp_path / "o.csv").write_bytes(b"a,b\nsecret\n1,caf\xe9\n")
    plain = read(plan_of(tmp_path, "o.csv"))[0].bad
    assert plain is not None
    assert plain["message"].to_list()[1] == "row 2 has bytes that are not utf-8: e9"
    assert json.loads(plain["raw"][1]) == {"text": "1,caf\\xe9"}
    masked = read(replace(plan_of(tmp_path, "o.csv"), mask=(MaskPlan("b", "redact"),)))[0].bad
    assert masked is not None
    assert masked["raw"].to_list() == [None, None]
    assert len(json.loads(masked["data"][0])["sha256"]) == 64
    assert not any(word in str(masked.rows()) for word in ("secret", ": e9", "caf"))


def test_a_file_of_bad_rows_only_stays_in_small_batches(tmp_path: Path) -> None:
    put(tmp_path, o="a,b\n" + "x\n" * 1000)
    batches = read(replace(plan_of(tmp_path, "o.csv"), batch_rows=100))
    assert sum(batch.bad.height for batch in batches if batch.bad is not None) == 1000
    assert sum(batch.frame.height for batch in batches) == 0


def test_no_file_is_an_error_unless_it_may_be(tmp_path: Path) -> None:
    put(tmp_path, order="a\n1\n")
    with pytest.raises(DataError, match=r"no file matches 'orders_\*\.csv' in .*; it holds order\.csv") as caught:
        read(plan_of(tmp_path, "orders_*.csv"))
    assert "missing: ok" in caught.value.fix
    plan = replace(plan_of(tmp_path, "orders_*.csv", missing="ok"), columns=(ColumnPlan("a", "a"),))
    assert list(SOURCE.open(plan, nobody).columns()) == ["a"]
    with pytest.raises(SkippedError, match="no file matches"):
        SOURCE.open(plan, nobody).ping()


def test_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="is not there"):
        read(plan_of(tmp_path / "gone", "*.csv"))
    with pytest.raises(ConfigError, match=r"leaves source\.path"):
        read(plan_of(tmp_path, "../*.csv"))
    (tmp_path / "data").mkdir()
    put(tmp_path / "data", o="a\n1\n")
    here = replace(plan_of(Path("data"), "*.csv"), config_file=str(tmp_path / "config/sources/lib/shop.yaml"))
    assert len(read(here)) == 1
    monkeypatch.chdir(tmp_path)
    assert len(read(replace(here, config_file="config/sources/lib/shop.yaml"))) == 1


def test_formats_by_yaml_words(tmp_path: Path) -> None:
    (tmp_path / "o.csv").write_bytes("备注\n编号;名称\n1;中文\n2;-\n".encode("gb18030"))
    form = {"type": "csv", "delimiter": ";", "encoding": "gb18030", "skip_rows": 1, "null_values": ["-"]}
    (batch,) = read(plan_of(tmp_path, "o.csv", format=form))
    assert batch.frame.rows() == [("1", "中文", 1), ("2", None, 2)]


def test_a_window_of_files_is_always_full(tmp_path: Path) -> None:
    put(tmp_path, o="a\n1\n")
    source = SOURCE.open(plan_of(tmp_path, "o.csv"), nobody)
    assert source.window("manual", "2026-01-01", None) == Window("full")


def test_sources_load_without_their_engines() -> None:
    code = (
        "import sys, sync_provider.core.sources.file, sync_provider.core.sources.sqlite, "
        "sync_provider.core.sources.postgres; print([n for n in ('polars', 'asyncpg', 'pyarrow') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
