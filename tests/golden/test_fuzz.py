"""Whatever is in the files, reading them gives problems or plans: no exception, and no second of work per file."""

from __future__ import annotations

import json
import re
import tempfile
import time
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
PROJECT = """\
defaults:
  target: {connection: dwh, schema: ods}
templates:
  tracked: &tracked
    primary_key: "${key}"
    incremental: {cursor: "${cursor}", lag: "${lag}"}
    where: "tenant = ${tenant} and $${x}"
    checks: [{not_null: ["${key}"]}, {range: {amount: {min: "${low}"}}}]
    columns: {amt: {to: "${to}"}}
    mask: {phone: "${mask}"}
    schedule: "${when}"
  other: *tracked
environment: dev
environments:
  dev:
    defaults: {max_bad: 1%}
    force: {target: {connection: dev, schema: "dev_${user}"}, limit: 10}
    targets: [dev]
"""
USER = """\
source: {type: postgres, connection: shop_db}
use: [tracked, other]
environment: [dev]
with: {key: id, cursor: updated_at, lag: 5m, tenant: 1, low: 0, to: amount, mask: partial, when: "@daily"}
interfaces:
  orders:
  users: {with: {lag: 1h}, use: tracked}
"""
#: what a caught exception of ours would say
OURS = re.compile(r"cannot be read: \w+(Error|Exception|Exit)\b")
_FILES = [GOOD, PROJECT, USER, *(case["file"] for case in CASES.values())]
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
        started = time.process_time()
        loaded = load_project(config, "dev" if project else None)
        assert time.process_time() - started < (2 if project else 1), "a second per file"
        for problem in loaded.problems:
            assert not OURS.search(problem.message), "an exception of ours was caught on its way out"
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
    file = {"source": {"type": "postgres", "connection": "c"}, "target": {"connection": "d"}, **outer}
    read(json.dumps({**file, "interfaces": {"orders": {"primary_key": "id", **inner}}}, ensure_ascii=True).encode())


def test_the_pair_that_is_mutated_is_good() -> None:
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config"
        (config / "sources/shop").mkdir(parents=True)
        (config / "sources/shop/a.yaml").write_text(USER, encoding="utf-8")
        (config / "project.yaml").write_text(PROJECT, encoding="utf-8")
        assert [problem.text() for problem in load_project(config).problems] == []


@_quick
@given(st.integers(0, 2**32))
def test_mutated_templates_and_who_uses_them(seed: int) -> None:
    random = Random(seed)
    texts = [USER, PROJECT]
    for _ in range(random.randint(1, 4)):
        which = random.randint(0, 1)
        at, length = random.randint(0, len(texts[which])), random.choice((0, 0, 1, 3, 20))
        splice = random.choice([*_SPLICES, "${", "${x}", "$${", "}", "use: ", "with: "])
        texts[which] = texts[which][:at] + splice + texts[which][at + length :]
    read(texts[0].encode(), texts[1].encode())


_weird = st.text(max_size=8) | st.sampled_from(
    ["${", "${key}", "${}", "$${x}", "x${key}y", "${a${b}}", "<<", "__class__"]
)
_odd = st.recursive(
    _scalars | _weird | st.sampled_from([10**4000, -(10**300), 1e308, "9" * 5000, "é" * 3000]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_weird, inner, max_size=3),
    max_leaves=8,
)
_TEMPLATE = ["primary_key", "incremental", "checks", "clean", "mask", "columns", "where", "target", "schedule", "zzz"]


@_quick
@given(
    st.dictionaries(st.sampled_from(_TEMPLATE), _odd, max_size=4), _odd, _odd, _odd,
    st.dictionaries(st.sampled_from(["defaults", "force", "targets", "x"]), _odd, max_size=3), _odd,
)  # fmt: skip
def test_any_values_in_templates_and_environments(
    template: object, use: object, given_: object, parameter: object, dev: object, environment: object
) -> None:
    project = {"templates": {"t": template, "u": use}, "environments": {"dev": dev, "prod": given_}}
    source = {
        "source": {"type": "postgres", "connection": "c"}, "target": {"connection": "d"}, "environment": environment,
        "use": ["t", use], "with": {"key": parameter, "x": given_},
        "interfaces": {"orders": {"primary_key": "id", "with": given_}, "users": {"use": use, "write": "append"}},
    }  # fmt: skip
    dumped = [json.dumps(file, ensure_ascii=False).encode("utf-8", "replace") for file in (source, project)]
    read(*dumped)


def test_a_template_as_large_as_a_file_may_be_and_many_who_use_it() -> None:
    checks = "".join(f"      - range: {{c{n}: {{min: '${{low}}', max: {n}}}}}\n" for n in range(2_000))
    project = "templates:\n  t:\n    primary_key: id\n    where: " + "${a}" * 20_000 + f"\n    checks:\n{checks}"
    uses = "".join(f"  t{n}: {{with: {{a: x{n}}}}}\n" for n in range(3))
    read(
        f"source: {{type: postgres, connection: c}}\nuse: t\nwith: {{low: 1}}\ninterfaces:\n{uses}".encode(),
        project.encode(),
    )


@pytest.mark.parametrize(
    "text",
    [
        "a: " + "x" * 1_000_000,
        "a: " + "9" * 1_000_000,
        "x" * 100_000 + ": 1",
        "\n".join(f"k{n}: 1" for n in range(20_000)),
        "interfaces: {" + ", ".join(f"t{n}: {{}}" for n in range(300)) + "}",
        'a: "' + "\\u4e2d" * 50_000 + '"',
        "a: |\n" + "  x\n" * 100_000,
        "use: [" + "a, " * 2_000 + "]",
        "environment: [" + "a, " * 1_000 + "]\ninterfaces: {t: }",
        "with: {" + ", ".join(f"p{n}: 1" for n in range(3_000)) + "}\nuse: t\ninterfaces: {t: }",
    ],
    ids=["line", "number", "key", "keys", "interfaces", "escapes", "block", "uses", "environments", "parameters"],
)
def test_much_of_one_thing(text: str) -> None:
    read(text.encode(), PROJECT.encode())
    read(("source: {type: postgres, connection: c}\ntarget: {connection: d}\n" + text).encode(), text.encode())


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
