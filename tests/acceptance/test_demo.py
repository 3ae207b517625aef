"""`make demo` as a newcomer runs it: figures against an independent count, the page and the login, then Ctrl-C."""

from __future__ import annotations

import csv
import json
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import psutil
import pytest

from tests.services.processes import wait_for

ROOT = Path(__file__).parents[2]
INTERFACES = (
    "shop_db.customers",
    "shop_db.orders",
    "shop_db.products",
    "shop_files.counter_orders",
    "shop_files.returns",
)


class Demo:
    """The demo's process, what it has printed so far, and its folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.output = folder.parent / f"{folder.name}.out"
        command = [sys.executable, "-m", "demo.run", "--folder", str(folder)]
        with open(self.output, "wb") as out:
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=out, start_new_session=True)

    def printed(self) -> str:
        return self.output.read_text(encoding="utf-8", errors="replace")

    def wait_text(self, text: str, timeout_s: float) -> None:
        def there() -> bool:
            assert self.process.poll() is None, self.printed()
            return text in self.printed()

        wait_for(there, timeout_s, f"the demo prints {text!r}", every_s=0.2)

    def end(self, number: int) -> int:
        """Send a signal to the demo alone, as a terminal or a supervisor does, and return its exit code."""
        self.process.send_signal(number)
        return self.process.wait(40)

    def left_running(self) -> list[str]:
        """Return the commands of all live processes that work in the demo's folder.

        By their working folder: Airflow's parts rename themselves, which wipes the environment one could see.
        """
        found = []
        for process in psutil.process_iter():
            try:
                if process.cwd().startswith(str(self.folder / "airflow")) and process.status() != "zombie":
                    found.append(" ".join(process.cmdline()))
            except psutil.Error:
                continue
        return found


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """A demo that has run its DAGs and stays up."""
    running = Demo(tmp_path_factory.mktemp("demo") / "project")
    try:
        running.wait_text("Ctrl-C stops everything", 240)
        yield running
    finally:
        if running.process.poll() is None:
            running.end(signal.SIGTERM)


def test_each_row_is_loaded_once_or_rejected_with_its_reason(demo: Demo) -> None:
    expected = {
        "customers": _count(_customers(demo.folder)),
        "orders": _count(_orders(demo.folder)),
        "products": _count(_rows(demo.folder, "SELECT sku, 1 FROM products")),
        "counter_orders": _count(_counter_orders(demo.folder)),
        "returns": _count(_returns(demo.folder)),
    }
    assert all(rejected for name, (_, rejected, _) in expected.items() if name != "products")
    with closing(sqlite3.connect(demo.folder / "warehouse.db")) as target:
        for name, (keys, rejected, _) in expected.items():
            key = target.execute(f"SELECT name FROM pragma_table_info('{name}')").fetchone()[0]
            assert {row[0] for row in target.execute(f"SELECT {key} FROM {name}")} == keys, name
            (rows,) = target.execute(f"SELECT count(*) FROM {name}").fetchone()
            assert rows == len(keys), name
            like = f"%.{name}"
            (held,) = target.execute("SELECT count(*) FROM _sync_rejected WHERE interface LIKE ?", (like,)).fetchone()
            assert held == rejected, name


def test_the_table_says_what_was_read_loaded_rejected_and_why(demo: Demo) -> None:
    printed = demo.printed()
    counts = {
        "shop_db.customers": _count(_customers(demo.folder)),
        "shop_db.orders": _count(_orders(demo.folder)),
        "shop_files.counter_orders": _count(_counter_orders(demo.folder)),
        "shop_files.returns": _count(_returns(demo.folder)),
    }
    for interface, (keys, rejected, read) in counts.items():
        line = next(line for line in printed.splitlines() if f"demo.{interface} " in line)
        figures = [int(figure.replace(",", "")) for figure in re.findall(r"(?<=\s)[\d,]+(?=\s)", line)]
        assert figures[:3] == [read, len(keys), rejected], line
    assert "row 1000 amount='abc' is not decimal(12,2)" in printed
    assert all(f"demo.{interface}" in printed for interface in INTERFACES)


def test_the_cut_duplicates_are_the_older_ones_and_phones_are_masked(demo: Demo) -> None:
    with closing(sqlite3.connect(demo.folder / "warehouse.db")) as target:
        emails = [row[0] for row in target.execute("SELECT email FROM customers")]
        phones = [row[0] for row in target.execute("SELECT phone FROM customers")]
        kept = "\n".join(str(row) for row in target.execute("SELECT * FROM _sync_rejected"))
    assert not [email for email in emails if email.startswith("old")]
    assert all(re.fullmatch(r"1\d\d\*{4}\d{4}", phone) for phone in phones)
    clear = [row[0] for row in _rows(demo.folder, "SELECT phone FROM customers")]
    assert not [phone for phone in clear if phone in kept]


def test_the_printed_login_opens_airflow_and_shows_both_dags_green(demo: Demo) -> None:
    found = re.search(r"Airflow\s+(http://127\.0\.0\.1:\d+)\s+login (\w+) / (\S+)", demo.printed())
    assert found
    url, user, password = found.groups()
    token = _post(f"{url}/auth/token", {"username": user, "password": password})["access_token"]
    request = Request(f"{url}/api/v2/dags/~/dagRuns", headers={"Authorization": f"Bearer {token}"})
    with urlopen(request, timeout=20) as answer:
        runs = json.load(answer)["dag_runs"]
    assert {(run["dag_id"], run["state"]) for run in runs} == {
        ("demo.shop_db", "success"),
        ("demo.shop_files", "success"),
    }


def test_ctrl_c_stops_everything(demo: Demo) -> None:
    assert len(demo.left_running()) >= 5
    assert demo.end(signal.SIGINT) == 0, demo.printed()
    assert demo.left_running() == []
    assert "nothing is left running" in demo.printed()
    with pytest.raises(URLError):
        urlopen(re.findall(r"http://127\.0\.0\.1:\d+", demo.printed())[0], timeout=5)


def test_a_stop_while_airflow_is_still_starting_leaves_nothing(tmp_path: Path) -> None:
    starting = Demo(tmp_path / "project")
    try:
        starting.wait_text("starting Airflow", 30)
        wait_for(lambda: len(starting.left_running()) >= 2, 60, "Airflow has begun to start")
    finally:
        code = starting.end(signal.SIGTERM)
    assert code == 128 + signal.SIGTERM
    assert starting.left_running() == []


def _count(rows: Any) -> tuple[set[Any], int, int]:
    """Return (keys that belong in the target, rows that belong in quarantine, rows read)."""
    judged = list(rows)
    return {key for key, good in judged if good}, sum(not good for _, good in judged), len(judged)


def _rows(folder: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(folder / "shop.db")) as shop:
        return shop.execute(query).fetchall()


def _customers(folder: Path) -> Iterator[tuple[int, bool]]:
    for number, name, email in _rows(folder, "SELECT id, name, email FROM customers"):
        user, _, host = email.strip().partition("@")
        looks_right = bool(user) and " " not in user and "." in host and not host.startswith(".")
        yield number, name is not None and looks_right


def _orders(folder: Path) -> Iterator[tuple[int, bool]]:
    for number, amount, status in _rows(folder, "SELECT id, amount, status FROM orders"):
        yield number, amount >= 0 and status in ("new", "paid", "shipped", "done")


def _counter_orders(folder: Path) -> Iterator[tuple[str, bool]]:
    for file in sorted((folder / "data").glob("orders_*.csv")):
        with open(file, encoding="utf-8", newline="") as lines:
            for row in csv.DictReader(lines):
                yield row["order_no"], bool(row["order_no"]) and _is_money(row["amount"])


def _returns(folder: Path) -> Iterator[tuple[str, bool]]:
    with open(folder / "data/returns_2026-08.csv", encoding="gb18030", newline="") as lines:
        for row in csv.DictReader(lines, delimiter=";"):
            yield row["return_no"], row["quantity"].isdigit() and 1 <= int(row["quantity"]) <= 99


def _is_money(text: str) -> bool:
    try:
        return Decimal(text) == Decimal(text).quantize(Decimal("0.01"))
    except InvalidOperation:
        return False


def _post(url: str, body: dict[str, str]) -> Any:
    request = Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urlopen(request, timeout=20) as answer:
        return json.load(answer)
