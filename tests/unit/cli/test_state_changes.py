"""state set, reset and copy: said first, done with --yes, never beside a run, and the row tells who did it."""

from __future__ import annotations

import json
import logging
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.unit.cli.test_project_commands import Cli, cli

__all__ = ["cli"]
ITEMS, OTHER = "erp.shop.items", "erp.shop.more"
SOURCE = """source: {type: sqlite, connection: shop}
target: {connection: warehouse}
interfaces:
  items: {primary_key: id, incremental: {cursor: updated_at}}
  more: {primary_key: id, incremental: {cursor: updated_at}}
  strange: {primary_key: id, incremental: {cursor: changed}}
  kinds: {primary_key: id}
"""


@pytest.fixture(autouse=True)
def shop(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "config/sources/erp/shop.yaml").write_text(SOURCE, encoding="utf-8")
    assert cli("state", "set", ITEMS, "2026-08-01 00:00:00", "--yes")[0] == 0


def sql(top: Path, text: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(top / "warehouse.db")) as db:
        found = db.execute(text).fetchall()
        db.commit()
        return found


def checkpoint(cli: Cli, interface: str) -> object:
    return json.loads(cli("state", "show", interface, "--json")[1])[0]["checkpoint"]


def test_copy_says_and_then_does(cli: Cli, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    said = cli("state", "copy", ITEMS, OTHER)
    assert said[0] == 0
    assert said[1].splitlines() == [
        f"{OTHER}: checkpoint (none) → 2026-08-01 00:00:00 (of {ITEMS})",
        "nothing was changed; add --yes to do it",
    ]
    assert cli("state", "copy", ITEMS, OTHER, "--yes", "--dry-run")[0] == 0
    assert checkpoint(cli, OTHER) is None

    with caplog.at_level(logging.INFO, logger="sync_provider.audit"):
        done = cli("state", "copy", ITEMS, OTHER, "--yes", "--json")

    assert json.loads(done[1]) == [
        {"interface": OTHER, "before": None, "after": "2026-08-01 00:00:00", "origin": ITEMS, "done": True}
    ]
    assert checkpoint(cli, OTHER) == "2026-08-01 00:00:00"
    row = sql(tmp_path, f"select cursor, run_id from _sync_checkpoint where interface = '{OTHER}'")[0]
    assert row[0] == "updated_at"
    assert str(row[1]).startswith(f"state copy {ITEMS} by ")
    assert f"{OTHER}: checkpoint None -> 2026-08-01 00:00:00 (state copy {ITEMS} by " in caplog.text


def test_copy_finds_an_interface_that_is_no_longer_configured(cli: Cli, tmp_path: Path) -> None:
    source = tmp_path / "config/sources/erp/shop.yaml"
    source.write_text(SOURCE.replace("  items:", "  things:"), encoding="utf-8")

    assert cli("state", "copy", ITEMS, "erp.shop.things", "--yes")[0] == 0
    assert checkpoint(cli, "erp.shop.things") == "2026-08-01 00:00:00"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["erp.shop.itmes", OTHER], "erp.shop.itmes: has no checkpoint in connection 'warehouse'"),
        ([ITEMS, "erp.shop.kinds"], "reads everything at each run and has no checkpoint"),
        ([ITEMS, "erp.shop.strange"], "is of cursor 'updated_at', erp.shop.strange reads by 'changed'"),
        ([ITEMS, ITEMS], "cannot be copied to itself"),
        ([ITEMS, "erp.shop.mroe"], "did you mean 'erp.shop.more'?"),
    ],
)
def test_copy_refuses_what_makes_no_sense(cli: Cli, words: list[str], told: str) -> None:
    code, _, err = cli("state", "copy", *words, "--yes")

    assert code == 1
    assert told in err


def test_copy_overwrites_only_when_told_to(cli: Cli) -> None:
    assert cli("state", "set", OTHER, "2026-01-01", "--yes")[0] == 0

    refused = cli("state", "copy", ITEMS, OTHER, "--yes")
    assert (refused[0], "overwrite it with --force" in refused[2]) == (1, True)
    assert cli("state", "copy", ITEMS, OTHER, "--yes", "--force")[0] == 0
    assert checkpoint(cli, OTHER) == "2026-08-01 00:00:00"


@pytest.mark.parametrize("words", [["set", ITEMS, "2026-01-01"], ["reset", ITEMS], ["copy", ITEMS, OTHER]])
def test_nothing_changes_beside_a_run(cli: Cli, tmp_path: Path, words: list[str]) -> None:
    sql(
        tmp_path,
        "update _sync_lease set run_id = 'r1', holder = null, expires_at = '2999-01-01 00:00:00.000000' "
        f"where interface = '{ITEMS}'",
    )

    code, _, err = cli("state", *words, "--yes")

    assert code == 1
    assert "run 'r1' holds the lease and may move the checkpoint when it ends" in err
    assert checkpoint(cli, ITEMS) == "2026-08-01 00:00:00"
    assert checkpoint(cli, OTHER) is None


def test_reset_takes_ids_and_patterns(cli: Cli) -> None:
    assert cli("state", "set", OTHER, "2026-01-01", "--yes")[0] == 0

    said = cli("state", "reset", "erp.shop.*", "--json")
    assert [(c["interface"], c["before"], c["after"], c["done"]) for c in json.loads(said[1])] == [
        (ITEMS, "2026-08-01 00:00:00", None, False),
        (OTHER, "2026-01-01", None, False),
        ("erp.shop.strange", None, None, False),
        ("erp.shop.kinds", None, None, False),
    ]
    assert cli("state", "reset", ITEMS, OTHER, "--yes")[0] == 0
    assert (checkpoint(cli, ITEMS), checkpoint(cli, OTHER)) == (None, None)
    missed = cli("state", "reset", "erp.shop.x*", "--yes")
    assert (missed[0], "no interface 'erp.shop.x*'" in missed[2]) == (1, True)
