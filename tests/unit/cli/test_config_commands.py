"""The frame of the console script, and validate, explain, list, schema."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sync_provider.cli import main as frame
from sync_provider.core.errors import ConnectError

GOOD = "source: {type: postgres, connection: c}\ntarget: {connection: dwh, schema: ods}\nschedule: '@daily'\ninterfaces:\n  orders: {primary_key: id}\n  users: {write: append, enabled: false}\n"  # noqa: E501
Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """Run a command in a project of one source with two interfaces."""
    folder = tmp_path / "config" / "sources" / "erp"
    folder.mkdir(parents=True)
    (folder / "shop.yaml").write_text(GOOD, encoding="utf-8")
    (tmp_path / "config" / "project.yaml").write_text("environments: {dev: {force: {schedule: manual}}}\n")
    monkeypatch.chdir(tmp_path)

    def call(*words: str) -> tuple[int, str, str]:
        code = frame.main(list(words))
        return code, *capsys.readouterr()

    return call


def test_validate_says_how_much_it_looked_at(cli: Cli) -> None:
    code, out, _ = cli("validate")

    assert (code, out.splitlines()[-1]) == (0, "1 source, 2 interfaces, 0 problems")


def test_validate_in_three_formats(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "config/sources/erp/shop.yaml").write_text(GOOD + "  a: {primry_key: id}\n", encoding="utf-8")
    text, as_json, github = (cli("validate", "--format", name) for name in ("text", "json", "github"))

    assert text[0] == as_json[0] == github[0] == 1
    assert (
        "config/sources/erp/shop.yaml:7:7 interfaces.a.primry_key: unknown key; did you mean 'primary_key'?" in text[1]
    )
    assert json.loads(as_json[1])["problems"] == [
        {"file": "config/sources/erp/shop.yaml", "line": 7, "column": 7, "path": "interfaces.a.primry_key",
         "message": "unknown key; did you mean 'primary_key'?", "fix": "", "severity": "error"}
    ]  # fmt: skip
    assert github[1].startswith(
        "::error file=config/sources/erp/shop.yaml,line=7,col=7,title=interfaces.a.primry_key::unknown"
    )


def test_common_options_stand_before_or_after_the_command(cli: Cli, tmp_path: Path) -> None:
    config = str(tmp_path / "config")
    answers = [cli("--config", config, "--env", "dev", "list"), cli("list", "--env", "dev", f"--config={config}"),
               cli("--env", "dev", "list", "--config", config)]  # fmt: skip

    assert len(set(answers)) == 1
    assert "manual" in answers[0][1]
    assert "0 0 * * * UTC" in cli("list")[1]


def test_common_options_stand_behind_a_verb_too(cli: Cli, tmp_path: Path) -> None:
    answers = [cli("target", "init", "--print-sql", "--config", "nowhere", "--env", "dev"),
               cli("--config", "nowhere", "target", "--env", "dev", "init", "--print-sql")]  # fmt: skip

    assert len(set(answers)) == 1
    assert "nowhere" in answers[0][2]


def test_the_environment_of_airflow_holds_on_the_command_line(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__SYNC__ENVIRONMENT", "dev")
    assert "manual" in cli("list")[1]
    monkeypatch.setenv("AIRFLOW__SYNC__ENVIRONMENT", "prod")
    assert cli("validate")[0] == 1
    assert "manual" in cli("list", "--env", "dev")[1]


def test_list_names_what_runs_when(cli: Cli) -> None:
    code, out, _ = cli("list", "--json")

    assert code == 0
    assert [(row["id"], row["write"], row["schedule"]) for row in json.loads(out)] == [
        ("erp.shop.orders", "merge", "0 0 * * * UTC"),
        ("erp.shop.users", "append", "disabled"),
    ]


def test_list_leaves_broken_files_out_and_says_so(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "config/sources/erp/bad.yaml").write_text("a: [", encoding="utf-8")
    code, out, err = cli("list")

    assert code == 1
    assert "erp.shop.orders" in out
    assert "config/sources/erp/bad.yaml" in err


def test_explain_shows_the_origin(cli: Cli) -> None:
    code, out, _ = cli("explain", "erp.shop.orders")
    as_json = json.loads(cli("explain", "erp.shop.orders", "--json")[1])

    assert code == 0
    (line,) = [line for line in out.splitlines() if line.startswith("schedule:")]
    assert line.split("  #") == [line.split("  #")[0], " config/sources/erp/shop.yaml:3 (source)"]
    assert {
        "key": "primary_key",
        "value": "id",
        "origin": "config/sources/erp/shop.yaml:5",
        "level": "interface",
    } in as_json


def test_an_unknown_interface_is_a_problem_with_a_suggestion(cli: Cli) -> None:
    code, out, err = cli("explain", "erp.shop.ordrs")

    assert (code, out) == (1, "")
    assert err.splitlines() == [
        "no interface 'erp.shop.ordrs'; did you mean 'erp.shop.orders'?",
        "  fix: see them all with `sync-provider list`",
    ]


def test_schema_goes_to_a_file(cli: Cli, tmp_path: Path) -> None:
    code, out, _ = cli("schema", "--out", "sync.schema.json")
    refused = cli("schema", "--out", "no/such/folder/x.json")

    assert code == 0
    assert "yaml-language-server" in out
    assert json.loads((tmp_path / "sync.schema.json").read_text(encoding="utf-8"))["$defs"]
    assert (refused[0], refused[2].splitlines()[0]) == (
        1,
        "no/such/folder/x.json: cannot be written: No such file or directory",
    )


@pytest.mark.parametrize(
    "words",
    [
        ["validat"], [], ["validate", "--fromat", "x"], ["explain"], ["list", "--env"],
        ["preview", "erp.shop.orders", "--rows", "-1"], ["preview", "erp.shop.orders", "--rows", "ten"],
    ],
)  # fmt: skip
def test_misuse_is_2(words: list[str], cli: Cli) -> None:
    code, out, err = cli(*words)

    assert (code, out) == (2, "")
    assert "Traceback" not in err
    assert err


def test_a_mistyped_command_is_guessed(cli: Cli) -> None:
    assert cli("validat")[2] == "unknown command 'validat'; did you mean 'validate'?\n"


def test_help_lists_every_command(cli: Cli) -> None:
    code, out, _ = cli("--help")

    assert code == 0
    assert all(f"\n    {name}" in out for name in frame.COMMANDS)


@pytest.mark.parametrize(("error", "code"), [(ConnectError("db1: refused", "start it"), 1), (KeyboardInterrupt(), 130)])
def test_errors_become_text_and_a_code(
    error: BaseException, code: int, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(args: object) -> int:
        raise error

    monkeypatch.setattr("sync_provider.cli.listing.run", run)
    got, _, err = cli("list")

    assert got == code
    assert err in ("db1: refused\n  fix: start it\n", "interrupted\n")


def test_one_command_imports_only_its_own_module(tmp_path: Path) -> None:
    code = (
        "import sys; from sync_provider.cli.main import main; main(['list', '--config', 'nowhere']);"
        "heavy = ('polars', 'airflow', 'sqlalchemy');"
        "print([m for m in sys.modules if m.startswith('sync_provider.cli.') or m in heavy])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)

    own = ["options", "main", "projects", "listing"]
    assert done.stdout == f"{[f'sync_provider.cli.{name}' for name in own]}\n"
