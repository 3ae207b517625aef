"""Every golden mistake found by one `validate`: exits 1 when the median of several runs is over a second."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

TABLE = Path(__file__).resolve().parent.parent / "tests" / "golden" / "mistakes.yaml"
BAR_S, RUNS = 1.0, 7


def main() -> int:
    """Print the figure; 1 when it is short of its bar."""
    cases = yaml.load(TABLE.read_text(encoding="utf-8"), yaml.CSafeLoader)
    files = {name: case["file"] for name, case in cases.items() if "project" not in case}
    with tempfile.TemporaryDirectory(prefix="mistakes-") as folder:
        sources = Path(folder) / "config" / "sources" / "shop"
        sources.mkdir(parents=True)
        for name, text in files.items():
            (sources / f"{name}.yaml").write_bytes(text.encode())
        command = [sys.executable, "-m", "sync_provider.cli.main", "validate", "--config", str(sources.parents[1])]
        seconds = [_timed(command) for _ in range(RUNS)]
    median = statistics.median(seconds)
    verdict = "ok" if median < BAR_S else "short"
    print(f"validate {len(files)} broken files median={median:.2f} s bar={BAR_S:g} s {verdict}")
    return 0 if verdict == "ok" else 1


def _timed(command: list[str]) -> float:
    """Return the wall seconds of one `validate`, interpreter start included."""
    start = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 1:
        raise RuntimeError(f"validate returned {done.returncode}:\n{done.stderr}")
    return time.monotonic() - start


if __name__ == "__main__":
    sys.exit(main())
