"""What the DAG parser pays: no engine imported, a thousand interfaces in seconds."""

from __future__ import annotations

import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path

import pytest

from sync_provider.core import registry
from sync_provider.core.plan import load_project

FORBIDDEN = (
    "polars",
    "pyarrow",
    "airflow",
    "asyncpg",
    "psycopg",
    "psycopg2",
    "sqlalchemy",
    "great_expectations",
    "rich",
)
PARAMETERS = {
    "expr": "a > 1", "in": "{a: [1]}", "not_null": "[a]", "range": "{a: {min: 0}}", "regex": "{a: 'x'}",
    "unique": "[a]", "deduplicate": "{key: [a]}", "drop_null": "[a]", "fill": "{a: 0}", "trim": "[a]",
}  # fmt: skip
MASKS = {"hmac": "{method: hmac, key: k}"}
SOURCES = {
    "file": ("{type: file, path: x}", "files: '*.csv', "),
    "mysql": ("{type: mysql, connection: c}", ""),
    "postgres": ("{type: postgres, connection: c}", ""),
    "sql": ("{type: sql, connection: c, dialect: duckdb}", ""),
    "sqlite": ("{type: sqlite, connection: c}", ""),
}


def installed(kind: str) -> list[str]:
    """Return the words of one kind whose module is there."""
    found = []
    for point in registry._entry_points(kind).values():
        try:
            import_module(point.module)
        except ModuleNotFoundError:
            continue
        found.append(point.name)
    return found


def test_loading_every_type_and_word_imports_no_engine(tmp_path: Path) -> None:
    folder = tmp_path / "config" / "sources" / "erp"
    folder.mkdir(parents=True)
    checks = ", ".join(f"{{{word}: {PARAMETERS[word]}}}" for word in installed("rules"))
    clean = ", ".join(f"{{{word}: {PARAMETERS[word]}}}" for word in installed("cleaners"))
    masks = ", ".join(f"m{n}: {MASKS.get(word, word)}" for n, word in enumerate(installed("masks")))
    kinds = installed("sources")
    for kind in kinds:
        head, options = SOURCES[kind]
        (folder / f"{kind}.yaml").write_text(
            f"source: {head}\ntarget: {{connection: d, schema: {kind}}}\nschedule: '5 4 * * *'\ninterfaces:\n"
            f"  a: {{{options}primary_key: id, filter: a > 0, checks: [{checks}], clean: [{clean}], "
            f"mask: {{{masks}}}}}\n"
        )
    code = (
        "import sys, pathlib\nfrom sync_provider.core.plan import load_project, explain\n"
        f"p = load_project(pathlib.Path({str(tmp_path / 'config')!r}))\n"
        "print('\\n'.join(x.text() for x in p.problems))\n"
        f"assert len(p.plans) == {len(kinds)}, p\n"
        "[explain(p, i) for i in p.plans]\n"
        f"print('loaded:', [m for m in {FORBIDDEN} if m in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip() == "loaded: []"


def test_a_thousand_interfaces_compile_in_seconds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "config" / "sources" / "erp"
    folder.mkdir(parents=True)
    interface = (
        "    primary_key: id\n    incremental: {cursor: updated_at}\n"
        "    columns: {amt: {to: amount, type: 'decimal(12,2)'}}\n"
        "    checks:\n      - not_null: [id, user_id]\n      - range: {amount: {min: 0}}\n    clean: [{trim: [name]}]\n"
    )
    for number in range(50):
        head = (
            f"source: {{type: postgres, connection: c}}\ntarget: {{connection: dwh, schema: s{number}}}\ninterfaces:\n"
        )
        body = "".join(f"  t{n}:\n{interface}" for n in range(20))
        (folder / f"s{number}.yaml").write_text(head + body)
    started = time.perf_counter()
    project = load_project(tmp_path / "config")
    all_s = time.perf_counter() - started
    started = time.perf_counter()
    load_project(tmp_path / "config", only=("erp", "s7"))
    one_s = time.perf_counter() - started
    with capsys.disabled():
        print(f"\n1,000 interfaces in 50 files: {all_s:.2f} s; one file of 20: {one_s * 1000:.1f} ms")

    assert len(project.plans) == 1000
    assert all_s <= 10
