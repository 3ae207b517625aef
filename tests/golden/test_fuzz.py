"""Whatever is in the files, reading them gives problems or plans, never an exception."""

from __future__ import annotations

import tempfile
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sync_provider.core.config.models import Interface, SourceFile
from sync_provider.core.plan import load_project
from tests.golden.test_mistakes import CASES

GOOD = """\
source: {type: postgres, connection: shop_db}
target: {connection: dwh, schema: ods}
schedule: {cron: "5 * * * *", timezone: Asia/Shanghai}
max_bad: 1%
interfaces:
  orders: &orders
    title: 订单
    primary_key: [id]
    incremental: {cursor: updated_at, lag: 10m}
    filter: "amount >= 0"
    columns:
      amt: {to: amount, type: "decimal(12,2)"}
      old: {drop: true}
    clean: [{trim: [buyer]}, {fill: {remark: ""}}]
    checks:
      - not_null: [id, amount]
      - range: {amount: {min: 0}}
        on_fail: warn
    mask: {phone: partial}
    alerts: [{when: [failure], notifier: a.b.C, args: {to: [x]}}]
  users: *orders
"""
_FILES = [GOOD, *(case["file"] for case in CASES.values())]
_SPLICES = [
    "\t",
    "\n",
    "  ",
    "{",
    "}",
    "[",
    "]",
    ":",
    ": ",
    "- ",
    "'",
    '"',
    "*a",
    "&a ",
    "!x ",
    "|\n",
    "?",
    "null",
    "~",
    "1e999",
]
_SPLICES += ["0x", ".inf", "<<: ", "---\n", "#", "值", "\x00", "\ufeff", "{{ x }}", "-1", "true", "@", "%", ","]
_quick = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def read(source: bytes, project: bytes | None = None) -> None:
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config"
        (config / "sources" / "shop").mkdir(parents=True)
        (config / "sources" / "shop" / "a.yaml").write_bytes(source)
        if project is not None:
            (config / "project.yaml").write_bytes(project)
        loaded = load_project(config, "dev" if project else None)
        for problem in loaded.problems:
            assert problem.message
            assert problem.text()
            assert problem.line >= 1
            assert problem.column >= 1
        assert loaded.problems or loaded.plans


@_quick
@given(st.binary(max_size=400))
def test_any_bytes(data: bytes) -> None:
    read(data, data)


@_quick
@given(st.integers(0, 2**32))
def test_mutated_yaml(seed: int) -> None:
    random = Random(seed)
    text = random.choice(_FILES)
    for _ in range(random.randint(1, 4)):
        at, length = random.randint(0, len(text)), random.choice((0, 0, 1, 3, 20))
        text = text[:at] + random.choice(_SPLICES) + text[at + length :]
    read(text.encode(), text.encode() if random.random() < 0.2 else None)


_scalars = (
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["1%", "5m", "@daily", "id"])
)
_values = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
_KEYS = sorted({*SourceFile.model_fields} - {"interfaces"})
_INNER = sorted({field.alias or name for name, field in Interface.model_fields.items()} | {"table", "query"})


@_quick
@given(st.dictionaries(st.sampled_from(_KEYS), _values), st.dictionaries(st.sampled_from(_INNER), _values))
def test_any_values_under_known_keys(outer: dict[str, object], inner: dict[str, object]) -> None:
    import json

    file = {"source": {"type": "postgres", "connection": "c"}, "target": {"connection": "d"}, **outer}
    read(json.dumps({**file, "interfaces": {"orders": {"primary_key": "id", **inner}}}, ensure_ascii=True).encode())


@pytest.mark.parametrize("unit", ["[", "{", "- ", "? ", "a: {", "[{", "\n", "'", "&a [", "# ", ": "])
def test_endless_nesting(unit: str) -> None:
    read((unit * 200_000).encode())


def test_alias_bomb() -> None:
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    read("\n".join(levels).encode())


def test_self_reference() -> None:
    read(b"interfaces: &x {orders: *x}\n")


def test_an_endless_expression() -> None:
    text = "(" * 20_000
    read(f'source: {{type: postgres, connection: c}}\ninterfaces: {{orders: {{filter: "{text}"}}}}\n'.encode())
