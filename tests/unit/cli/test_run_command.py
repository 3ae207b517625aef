"""`sync-provider run` of what has a schedule of its own mind: once, and a window of the day."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from sync_provider.cli.main import main

Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """Write a source with one more line, then run a command on it."""
    (tmp_path / "inbox").mkdir()
    (tmp_path / "inbox/orders.csv").write_text("id\n1\n2\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AIRFLOW_CONN_DWH", json.dumps({"conn_type": "sqlite", "host": f"{tmp_path}/dwh.db"}))

    def call(line: str, *words: str) -> tuple[int, str, str]:
        file = tmp_path / "config/sources/erp/shop.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        interface = f"interfaces:\n  orders: {{files: orders.csv, write: append, {line}}}\n"
        file.write_text("source: {type: file, path: inbox}\ntarget: {connection: dwh}\n" + interface)
        code = main(["run", "erp.shop.orders", *words])
        return code, *capsys.readouterr()

    return call


def count(tmp_path: Path) -> int:
    with closing(sqlite3.connect(tmp_path / "dwh.db")) as connection:
        return int(connection.execute("SELECT count(*) FROM orders").fetchone()[0])


def test_once_is_done_once_per_version_unless_it_is_told_again(cli: Cli, tmp_path: Path) -> None:
    assert cli("schedule: once", "--run-id", "first")[0] == 0
    code, out, err = cli("schedule: once")
    assert (code, out, count(tmp_path)) == (0, "", 2)
    assert err == (
        "interface 'erp.shop.orders': nothing to do: `schedule: once`, and run 'first' loaded this configuration\n"
        "  fix: add --again to run it once more\n"
    )
    assert cli("schedule: once", "--again", "--run-id", "second")[0] == 0
    assert count(tmp_path) == 4
    assert cli("schedule: once, priority: 2")[0] == 0
    assert count(tmp_path) == 6


def test_what_has_another_schedule_runs_as_often_as_it_is_told(cli: Cli, tmp_path: Path) -> None:
    assert [cli("schedule: '@daily'")[0], cli("schedule: '@daily'")[0]] == [0, 0]
    assert count(tmp_path) == 4


def test_a_person_runs_outside_the_window_and_is_told_so(cli: Cli, tmp_path: Path) -> None:
    hour = (datetime.now(timezone.utc) + timedelta(hours=6)).hour
    code, _, err = cli(f'window: "{hour:02}:00-{hour:02}:30"')
    assert (code, count(tmp_path)) == (0, 2)
    assert "outside its window of the day, and run all the same" in err
