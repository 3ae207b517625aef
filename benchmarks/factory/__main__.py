"""Run every contender in turn, take medians, print `NAME value bar ok|short`; exits 1 when a bar is missed.

`python -m benchmarks.factory [--runs 5] [--sources 200] [--interfaces 5]`.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.factory.projects import ROOT, lay_dag_factory, lay_loop, lay_ours

REQUIREMENT = "dag-factory==1.1.0"
PARSE = Path(__file__).with_name("parse.py")
#: two runs of one thing differ by this much here
NOISE = 1.10


def main() -> int:
    """Measure and print; 1 when a bar is missed."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--runs", type=int, default=5)
    options.add_argument("--sources", type=int, default=200)
    options.add_argument("--interfaces", type=int, default=5)
    args = options.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="bench-factory-"))
    try:
        lines = _lines(folder, args.runs, args.sources, args.interfaces)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    for name, value, bar, good in lines:
        print(f"{name} {value} {bar} {'ok' if good else 'short'}")
    return 0 if all(good for *_, good in lines) else 1


def _lines(folder: Path, runs: int, sources: int, interfaces: int) -> list[tuple[str, str, str, bool]]:
    """Return one line per bar."""
    ours = lay_ours(folder / "ours", sources, interfaces)
    contenders = {
        "ours": (sys.executable, ours),
        "hand": (sys.executable, lay_loop(folder / "hand", sources, interfaces, form=True)),
        "hand_without_form": (sys.executable, lay_loop(folder / "lean", sources, interfaces, form=False)),
    }
    python = _dag_factory(folder / "venv")
    if python is not None:
        contenders["dag_factory"] = (python, lay_dag_factory(folder / "peer", sources, interfaces))
    home = folder / "home"
    found = _interleaved(contenders, runs, home)
    for name, one in found.items():
        print(f"{name}: {one['dags']} DAGs, {one['tasks']} tasks: wall {one['wall']:.2f} s, cpu {one['cpu']:.2f} s, "
              f"of it parse {one['parse']:.2f} s")  # fmt: skip
    hand = found["hand"]
    lines = [
        (f"pass_{kind}_s", f"{found['ours'][kind]:.2f}", f"<={hand[kind] * NOISE:.2f}",
         found["ours"][kind] <= hand[kind] * NOISE)
        for kind in ("wall", "cpu")
    ]  # fmt: skip
    if "dag_factory" in found:
        times = found["dag_factory"]["parse"] / found["ours"]["parse"]
        lines.append(("parse_faster_than_dag_factory", f"{times:.1f}x", ">=2x", times >= 2))
    return lines + _own(folder, ours, runs, home)


def _own(folder: Path, ours: Path, runs: int, home: Path) -> list[tuple[str, str, str, bool]]:
    """Return what has no peer: a task's parse, a thousand interfaces, a file that did not change."""
    task_s = _median("wall", [_run(sys.executable, home, "task", str(ours), "lib7.s17") for _ in range(runs)])
    lay_ours(folder / "thousand", 50, 20)
    both = [_run(sys.executable, home, "compile", str(folder / "thousand/config")) for _ in range(runs)]
    cold, warm = _median("cold", both), _median("warm", both)
    few = [_run(sys.executable, home, "compile", str(ours.parent / "config")) for _ in range(runs)]
    file_ms = _median("warm", few) / len(list(ours.parent.glob("config/sources/*/*.yaml"))) * 1000
    return [
        ("task_parse_ms", f"{task_s * 1000:.0f}", "<=50", task_s <= 0.05),
        ("compile_1000_cold_s", f"{cold:.2f}", "<=10", cold <= 10),
        ("compile_1000_warm_s", f"{warm:.2f}", "<=1", warm <= 1),
        ("unchanged_file_ms", f"{file_ms:.2f}", "<=1", file_ms <= 1),
    ]


def _interleaved(contenders: dict[str, tuple[str, Path]], runs: int, home: Path) -> dict[str, dict[str, float]]:
    """Return medians; everyone has its turn in each round, after one that is not counted."""
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in contenders}
    for number in range(runs + 1):
        for name, (python, folder) in contenders.items():
            one = _run(python, home, "pass", str(folder))
            if number:
                found[name].append(one)
    return {name: {key: statistics.median(one[key] for one in all_) for key in all_[0]} for name, all_ in found.items()}


def _median(key: str, found: list[dict[str, Any]]) -> float:
    return float(statistics.median(one[key] for one in found))


def _run(python: str, home: Path, *arguments: str) -> dict[str, Any]:
    """Run parse.py in a process of its own and return what it printed."""
    quiet = {"AIRFLOW_HOME": str(home), "AIRFLOW__CORE__LOAD_EXAMPLES": "False", "DO_NOT_TRACK": "1",
             "SCARF_NO_ANALYTICS": "true", "AIRFLOW__DAG_FACTORY__ENABLE_TELEMETRY": "False"}  # fmt: skip
    done = subprocess.run([python, str(PARSE), *arguments], env={**os.environ, **quiet}, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments)}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def _dag_factory(venv: Path) -> str | None:
    """Install the peer beside our Airflow's version and return its interpreter; None, said aloud, where that fails."""
    python = str(venv / "bin/python")
    uv = Path(sys.executable).with_name("uv")
    command = [
        str(uv),
        "pip",
        "install",
        "--quiet",
        "--compile-bytecode",
        "-c",
        str(ROOT / "constraints.txt"),
        REQUIREMENT,
    ]
    subprocess.run([str(uv), "venv", "--quiet", "--python", sys.executable, str(venv)], check=True)
    done = subprocess.run(command, env={**os.environ, "VIRTUAL_ENV": str(venv)}, capture_output=True, text=True)
    if done.returncode:
        print(f"{REQUIREMENT} cannot be installed here, so it is left out:\n{done.stderr[-2000:]}")
        return None
    return python


if __name__ == "__main__":
    sys.exit(main())
