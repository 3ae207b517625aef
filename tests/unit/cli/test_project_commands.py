"""init, target, db and state over a whole project, on SQLite: what is passed over is named, nothing is a traceback."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from sync_provider.cli.main import main

SOURCE = """source: {{type: sqlite, connection: shop}}
target: {{connection: {target}}}
interfaces:
  items: {{primary_key: id, incremental: {{cursor: updated_at}}}}
  kinds: {{primary_key: id}}
"""
Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """Run a command in a project whose one source has a target that is there."""
    lay(tmp_path, "shop", "warehouse")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", f"sqlite:///{tmp_path}/warehouse.db")
    monkeypatch.setenv("AIRFLOW_CONN_NOWHERE", f"sqlite:///{tmp_path}/nowhere/warehouse.db")

    def call(*words: str) -> tuple[int, str, str]:
        code = main(list(words))
        return code, *capsys.readouterr()

    return call


def lay(top: Path, name: str, target: str) -> None:
    file = top / "config" / "sources" / "erp" / f"{name}.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(SOURCE.format(target=target), encoding="utf-8")


EVERY = [["init"], ["init", "--dry-run"], ["target", "init"], ["db", "upgrade"], ["state", "show"], ["list"]]


@pytest.mark.parametrize("words", EVERY, ids=" ".join)
def test_in_the_wrong_folder(words: list[str], cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    code, out, err = cli(*words)

    assert (code, out) == (1, "")
    assert err.startswith("config:1:1: there is no such folder\n  fix: create config/sources/")
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize(
    "words", [["validate"], ["init"], ["target", "init"], ["state", "show"], ["list"]], ids=" ".join
)
def test_a_project_without_sources_says_so(words: list[str], cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "config/sources/erp/shop.yaml").unlink()
    code, out, err = cli(*words)

    assert code == 0
    assert "no source file is there yet" in out + err


@pytest.mark.parametrize("words", [["init"], ["target", "init"], ["state", "show"]], ids=" ".join)
def test_broken_files_are_left_out_aloud(words: list[str], cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "config/sources/erp/bad.yaml").write_text("a: [", encoding="utf-8")
    code, out, err = cli(*words)

    assert code == 1
    assert "warehouse" in out or "erp.shop.items" in out
    assert "left out: config/sources/erp/bad.yaml\n  fix: run `sync-provider validate`" in err


def test_init_goes_on_past_a_target_that_is_not_there(cli: Cli, tmp_path: Path) -> None:
    lay(tmp_path, "afar", "nowhere")
    code, out, _ = cli("init")

    assert code == 1
    assert "state tables in nowhere, schema (default): sqlite connection 'nowhere'" in out
    assert "state tables in warehouse, schema (default): created\nstore sqlite:///" in out
    with closing(sqlite3.connect(tmp_path / "warehouse.db")) as target:
        assert target.execute("SELECT count(*) FROM _sync_version").fetchone() == (1,)


@pytest.mark.parametrize("words", [["init"], ["db", "upgrade"]], ids=" ".join)
def test_a_store_that_cannot_be_made(words: list[str], cli: Cli, tmp_path: Path) -> None:
    (tmp_path / ".sync").write_text("a file where the folder goes")
    code, out, err = cli(*words)

    assert code == 1
    assert "its folder cannot be made" in out + err
    assert "let this user write there" in out + err


def test_a_store_that_is_not_a_database(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / ".sync").mkdir()
    (tmp_path / ".sync/store.db").write_text("no database, but text of some length" * 20)
    code, out, err = cli("db", "upgrade")

    assert (code, out) == (1, "")
    assert "cannot be upgraded: file is not a database\n  fix: correct" in err


def test_state_show_goes_on_past_a_target_that_is_not_there(cli: Cli, tmp_path: Path) -> None:
    lay(tmp_path, "afar", "nowhere")
    code, out, _ = cli("state", "show", "--json")
    afar, _, items, _ = json.loads(out)

    assert code == 1
    assert afar["interface"] == "erp.afar.items"
    assert "nowhere" in afar["error"]
    assert items == {"interface": "erp.shop.items", "checkpoint": None, "lease": None, "runs": []}


def test_state_set_takes_what_a_run_can_begin_at(cli: Cli) -> None:
    assert cli("state", "set", "erp.shop.items", "2026-08-01 00:00:00", "--yes")[0] == 0
    word = cli("state", "set", "erp.shop.items", "yesterday", "--yes")
    full = cli("state", "set", "erp.shop.kinds", "2026-08-01", "--yes")

    assert word[0] == full[0] == 1
    assert "'yesterday' is not a time; write it like" in word[2]
    assert "reads everything at each run and has no checkpoint" in full[2]
    assert "erp.shop.items  checkpoint 2026-08-01 00:00:00" in cli("state", "show")[1]


def test_state_show_says_why_a_run_failed(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(sqlite3.connect(tmp_path / "shop.db")) as shop:
        shop.execute("CREATE TABLE kinds (id INTEGER)")
        shop.executemany("INSERT INTO kinds VALUES (?)", [(1,), (None,)])
        shop.commit()
    monkeypatch.setenv("AIRFLOW_CONN_SHOP", f"sqlite:///{tmp_path}/shop.db")
    source = tmp_path / "config/sources/erp/shop.yaml"
    good = cli("run", "erp.shop.kinds", "--run-id", "good")
    source.write_text(source.read_text(encoding="utf-8") + "max_bad: {rows: 0}\n", encoding="utf-8")
    bad = cli("run", "erp.shop.kinds", "--run-id", "bad")
    shown = cli("state", "show", "erp.shop.kinds")[1].splitlines()

    assert (good[0], bad[0]) == (0, 1)
    assert shown[1].startswith("  failed   bad  interface 'erp.shop.kinds': 1 of 2 rows rejected")
    assert shown[2] == "  done     good  read 2, loaded 1"
