"""A newcomer's first table beside sling, dlt and ingestr: 5,000 CSV orders, 'abc' as the amount of row 1000.

Each tool gets an empty virtual environment (installed from a warm package cache), a fresh folder and its own shortest
documented way in. `python -m benchmarks.newcomer [--runs 5]` prints the table and exits 1 when a bar of ours is missed.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROWS, BAD_ROW = 5_000, 1_000
OURS = """\
source: {type: file, path: .}
target: {connection: dwh}
interfaces:
  orders:
    files: orders.csv
    primary_key: order_id
    columns: {amount: {type: "decimal(12,2)"}}
"""
DLT = """\
import os, dlt
from dlt.sources.filesystem import filesystem, read_csv
orders = filesystem(bucket_url=".", file_glob="orders.csv") | read_csv()
target = dlt.destinations.sqlalchemy(f"sqlite:///{os.getcwd()}/target.db")
pipeline = dlt.pipeline("orders", destination=target, dataset_name="main")
print(pipeline.run(orders.with_name("orders"), write_disposition="replace"))
"""
FLAGS = ["--source-uri", "csv://orders.csv", "--source-table", "orders"]
FLAGS += ["--dest-uri", "sqlite:///target.db", "--dest-table", "main.orders", "--yes"]


@dataclass(frozen=True)
class Tool:
    """One tool's shortest way to a first table.

    Args:
        files: name → content of what the newcomer writes by hand.
        command: argv after installation, given the environment's folder.
    """

    name: str
    requirement: str
    files: dict[str, str]
    command: Callable[[Path], list[str]]
    lines: int


def _sling(venv: Path) -> list[str]:
    binary = next(venv.glob("lib/python*/site-packages/sling_linux_amd64/bin/sling-linux-amd64"))
    here = ["--src-stream", "file://orders.csv", "--tgt-conn", "sqlite://target.db"]
    return [str(binary), "run", *here, "--tgt-object", "main.orders", "--mode", "full-refresh"]


TOOLS = [
    Tool(
        "sync-provider",
        f"{ROOT} -c {ROOT}/constraints.txt",
        {"config/sources/shop/files.yaml": OURS},
        lambda venv: [str(venv / "bin/sync-provider"), "run", "shop.files.orders"],
        len(OURS.splitlines()),
    ),
    Tool("sling", "sling-linux-amd64==1.4.11", {}, _sling, 0),
    Tool(
        "dlt",
        "dlt[filesystem,sqlalchemy]==1.31.0 pandas",
        {"load.py": DLT},
        lambda venv: [str(venv / "bin/python"), "load.py"],
        len(DLT.splitlines()),
    ),
    Tool("ingestr", "ingestr==0.15.9", {}, lambda venv: [str(venv / "bin/ingestr"), "ingest", *FLAGS], 0),
]


def orders(path: Path) -> None:
    """Write the orders, the same ones each time."""
    dice = random.Random(7)
    lines = ["order_id,customer_id,amount,currency,status,updated_at"]
    for number in range(1, ROWS + 1):
        amount = "abc" if number == BAD_ROW else f"{dice.randint(100, 99_999) / 100:.2f}"
        day = f"2026-01-{dice.randint(1, 28):02d} 10:00:00"
        lines.append(f"{number},{dice.randint(1, 800)},{amount},CNY,{dice.choice(['paid', 'open'])},{day}")
    path.write_text("\n".join(lines) + "\n")


def install(tool: Tool, venv: Path) -> float:
    """Make an environment with the tool and return the seconds it took."""
    uv = str(ROOT / ".venv" / "bin" / "uv")
    start = time.monotonic()
    subprocess.run([uv, "venv", "-q", str(venv)], check=True)
    pip = [uv, "pip", "install", "-q", "--compile-bytecode", "-p", str(venv / "bin" / "python")]
    subprocess.run([*pip, *tool.requirement.split()], check=True)
    return time.monotonic() - start


def first_table(tool: Tool, venv: Path) -> tuple[float, str, Path]:
    """Run the tool in a fresh folder; return seconds, all it printed, and the folder."""
    folder = Path(tempfile.mkdtemp(prefix=f"newcomer-{tool.name}-"))
    orders(folder / "orders.csv")
    for name, text in tool.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    env = {**os.environ, "HOME": str(folder), "AIRFLOW_CONN_DWH": f"sqlite:///{folder}/target.db"}
    env |= {"DO_NOT_TRACK": "1", "RUNTIME__DLTHUB_TELEMETRY": "false", "DISABLE_TELEMETRY": "true"}
    start = time.monotonic()
    done = subprocess.run(tool.command(venv), cwd=folder, env=env, capture_output=True, text=True, check=False)
    seconds = time.monotonic() - start
    if done.returncode:
        raise RuntimeError(f"{tool.name} failed:\n{done.stdout}\n{done.stderr}")
    return seconds, done.stdout + done.stderr, folder


def fate(folder: Path, printed: str) -> tuple[int, str]:
    """Look into the target: rows in `orders`, and what became of the bad value."""
    with sqlite3.connect(folder / "target.db") as db:
        tables = {name for (name,) in db.execute("select name from sqlite_master where type = 'table'")}
        columns = [name for _, name, *_ in db.execute("pragma table_info(orders)")]
        rows = db.execute("select count(*) from orders").fetchone()[0]
        kept = db.execute("select * from orders where order_id in (1000, '1000')").fetchall()
        if "_sync_rejected" in tables and not kept:
            named = db.execute("select position, message from _sync_rejected").fetchall()
            said = "and printed" if named[0][1] in printed else "not printed"
            return rows, f"isolated: {named[0][0]} {named[0][1]} ({said})"
    values = dict(zip(columns, kept[0], strict=True)) if kept else {}
    where = [name for name, value in values.items() if value == "abc"]
    silent = "" if "abc" in printed else ", silently"
    if where == ["amount"]:
        kind = type(next(value for name, value in values.items() if name == "amount")).__name__
        return rows, f"stored as {kind} in amount{silent}"
    return rows, (f"moved to column {where[0]}{silent}" if where else f"lost or NULL{silent}")


def main() -> int:
    """Print the table; 1 when our own bars are missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    args = parser.parse_args()
    base = Path(tempfile.mkdtemp(prefix="newcomer-venvs-"))
    installed = {tool.name: install(tool, base / tool.name) for tool in TOOLS}
    seconds: dict[str, list[float]] = {tool.name: [] for tool in TOOLS}
    seen: dict[str, tuple[int, str]] = {}
    for _ in range(args.runs):  # interleaved: a busy neighbour hits every tool alike
        for tool in TOOLS:
            took, printed, folder = first_table(tool, base / tool.name)
            seconds[tool.name].append(took)
            seen[tool.name] = fate(folder, printed)
            shutil.rmtree(folder)
    shutil.rmtree(base)
    print("| tool | lines by hand | install, warm cache (s) | run: first / median (s) | rows | the bad row |")
    print("|---|---|---|---|---|---|")
    for tool in TOOLS:
        runs, (rows, what) = seconds[tool.name], seen[tool.name]
        times = f"{runs[0]:.2f} / {statistics.median(runs):.2f}"
        print(f"| {tool.name} | {tool.lines} | {installed[tool.name]:.1f} | {times} | {rows:,} | {what} |")
    ours = seconds["sync-provider"]
    good = ours[0] < 5 and TOOLS[0].lines <= 10 and seen["sync-provider"][0] == ROWS - 1
    print(f"\nnewcomer first run {ours[0]:.2f} s bar=5 s {'ok' if good else 'short'}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
