"""Staging parts are readable only once their manifest is there, and a new try starts clean."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from sync_provider.core.engine import staging
from sync_provider.core.errors import ConfigError, ResourceError


def _frame(*values: int) -> pl.DataFrame:
    return pl.DataFrame({"a": values})


def test_parts_come_back_in_order(tmp_path: Path) -> None:
    writer = staging.PartWriter(tmp_path / "extract-1")
    for number in range(12):
        writer.add({"good": _frame(number), "bad": _frame(-number) if number % 2 else None}, {"n": number})
    parts = list(staging.read_parts(writer.close()))
    assert [note["n"] for _, note in parts] == list(range(12))
    assert [frames["good"].item() for frames, _ in parts] == list(range(12))
    assert [set(frames) for frames, _ in parts[:2]] == [{"good"}, {"good", "bad"}]


def test_parts_without_a_manifest_do_not_count(tmp_path: Path) -> None:
    folder = tmp_path / "extract-1"
    staging.PartWriter(folder).add({"good": _frame(1)}, {})
    with pytest.raises(ResourceError, match="not there"):
        list(staging.read_parts(folder.as_uri()))


def test_a_new_try_never_reads_the_old_one(tmp_path: Path) -> None:
    folder = tmp_path / "extract-1"
    staging.PartWriter(folder).add({"good": _frame(1)}, {})
    writer = staging.PartWriter(folder)
    writer.add({"good": _frame(2)}, {})
    assert [frames["good"].item() for frames, _ in staging.read_parts(writer.close())] == [2]


def test_run_ids_become_one_folder_each(tmp_path: Path) -> None:
    root = tmp_path.as_uri()
    one = staging.run_folder(root, "a.b.c", "manual__2026-01-01T00:00:00+00:00")
    two = staging.run_folder(root, "a.b.c", "../../etc")
    assert one.parent == two.parent == tmp_path / "a.b.c"
    above = staging.run_folder(root, "a.b.c", "..")
    assert above.resolve().parent == tmp_path / "a.b.c"
    writer = staging.PartWriter(above / "extract-1")
    writer.add({"good": _frame(1)}, {})
    assert len(list(staging.read_parts(writer.close()))) == 1


def test_only_local_staging_is_offered() -> None:
    with pytest.raises(ConfigError, match="only file://"):
        staging.run_folder("s3://bucket/x", "a.b.c", "r")


def test_sweep_removes_old_runs_only(tmp_path: Path) -> None:
    import os
    import time

    for name, age in (("old", 7200), ("new", 0)):
        run = tmp_path / "a.b.c" / name
        run.mkdir(parents=True)
        os.utime(run, (time.time() - age,) * 2)
    assert staging.sweep(tmp_path.as_uri(), older_than_s=3600) == 1
    assert [run.name for run in (tmp_path / "a.b.c").iterdir()] == ["new"]
