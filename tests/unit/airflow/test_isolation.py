"""Whatever one source file is, every other source is as it was."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from airflow.serialization.serialized_objects import DagSerialization

from sync_provider.dag_factory import build_dags

Project = Callable[..., Path]
SOURCE = """\
source: {{type: sqlite, connection: c}}
target: {{connection: dwh, schema: {name}}}
schedule: "{minute} * * * *"
interfaces:
  orders: {{primary_key: id, incremental: {{cursor: updated_at}}}}
"""
#: root may read every folder; this one may not
_NOBODY = 65534
TOP = "source: {type: sqlite, connection: c}\ntarget: {connection: dwh, schema: odd}\n"
ROW = "interfaces: {a: {primary_key: id}}\n"


def source(number: int) -> str:
    return SOURCE.format(name=f"s{number}", minute=number % 60)


def digest(dag: Any) -> str:
    return hashlib.sha256(json.dumps(DagSerialization.to_dict(dag), sort_keys=True).encode()).hexdigest()


def text(content: str) -> Callable[[Path], None]:
    return lambda path: path.write_text(content, encoding="utf-8")  # type: ignore[func-returns-value]


def plugin(body: str) -> Callable[[Path], None]:
    def lay_it(path: Path) -> None:
        path.write_text(f"{TOP}interfaces: {{a: {{primary_key: id, checks: [{{odd_{path.stem}.RULE: [id]}}]}}}}\n")
        folder = path.parents[3] / "plugins"
        folder.mkdir(exist_ok=True)
        (folder / f"odd_{path.stem}.py").write_text(body)

    return lay_it


ODD: dict[str, Callable[[Path], Any]] = {
    "not_utf8": lambda path: path.write_bytes(b"\xff\xfe source"),
    "a_folder": lambda path: path.mkdir(),
    "a_loop": lambda path: path.symlink_to(path.name),
    "a_link_to_nothing": lambda path: path.symlink_to("nowhere.yaml"),
    "a_pipe": lambda path: os.mkfifo(path),
    "a_device": lambda path: path.symlink_to("/dev/zero"),
    "huge": lambda path: path.write_bytes(b"# " + b"x" * 5_000_000),
    "deep": text("[" * 5000),
    "empty": text(""),
    "binary": lambda path: path.write_bytes(bytes(range(256))),
    "a_bomb": text("a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\n"
                   "d: &d [*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e]\n"),
    "long_title": text(f"title: {'长' * 5000}\n{TOP}{ROW}"),
    "nul_title": text(f'title: "a\\0b"\n{TOP}{ROW}'),
    "nul_interface_title": text(f'{TOP}interfaces: {{a: {{primary_key: id, title: "\\0"}}}}\n'),
    "long_owner": text(f"owner: {'o' * 3000}\n{TOP}{ROW}"),
    "long_tag": text(f"tags: [{'t' * 101}]\n{TOP}{ROW}"),
    "long_interface": text(f"{TOP}interfaces: {{{'i' * 300}: {{primary_key: id}}}}\n"),
    "odd.name": text(f"{TOP}{ROW}"),
    "n" * 240: text(f"{TOP}{ROW}"),
    os.fsdecode(b"\xff\xfe"): text(f"{TOP}{ROW}"),
    "plugin_is_wrong": plugin("def"),
    "plugin_raises": plugin("class Odd(Exception): pass\nraise Odd('odd')\n"),
    "plugin_exits": plugin("import sys; sys.exit(3)"),
    "plugin_recurses": plugin("class R:\n  word = 'r'\n  def parse(self, p): return self.parse(p)\nRULE = R()\n"),
    "plugin_gives_nonsense": plugin("RULE = 3\n"),
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_a_file_of_any_kind_touches_no_other(project: Project, name: str) -> None:
    config = project({f"sources/erp/s{n}.yaml": source(n) for n in range(3)})
    before = {dag_id: digest(dag) for dag_id, dag in build_dags(config).items()}
    ODD[name](config / f"sources/erp/{name}.yaml")
    after = {dag_id: digest(dag) for dag_id, dag in build_dags(config).items()}
    assert {dag_id: value for dag_id, value in after.items() if dag_id in before} == before
    new = set(after) - set(before)
    if name != "long_title":
        assert len(new) == 1, new
        assert "config-error" in build_dags(config)[new.pop()].tags


def test_what_airflow_stores_of_odd_files_is_text_that_databases_take(project: Project) -> None:
    config = project({"sources/erp/s1.yaml": source(1)})
    for name, make in ODD.items():
        make(config / f"sources/erp/{name}.yaml")
    for dag in build_dags(config).values():
        stored = json.dumps(DagSerialization.to_dict(dag), ensure_ascii=False)
        assert "\\u0000" not in stored
        stored.encode()
        assert len(dag.dag_id) <= 250
        assert len(dag.dag_display_name) <= 2000
        assert len(", ".join({task.owner for task in dag.tasks})) <= 2000


def test_a_file_whose_name_is_no_id_cannot_take_the_dag_of_another(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = source(1).replace("orders: {", 'orders: {schedule: "@daily", ')
    config = project({"sources/erp/s1.yaml": own, "sources/erp/s1.orders.yaml": source(2)})
    dags = build_dags(config)
    assert "orders.load" in dags["erp.s1.orders"].task_dict
    (odd,) = set(dags) - {"erp.s1.orders"}
    assert odd.startswith("sync_config.erp_s1_orders_")
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", odd)
    assert list(build_dags(config)[odd].task_dict) == ["read_config"]


def test_a_library_that_cannot_be_looked_into_is_not_gone() -> None:
    with TemporaryDirectory() as folder:  # not below tmp_path, which nobody but its owner may enter
        Path(folder).chmod(0o755)
        config = Path(folder) / "config"
        for number, name in enumerate(("crm", "erp")):
            (config / "sources" / name).mkdir(parents=True)
            (config / f"sources/{name}/s1.yaml").write_text(source(number))
        before = build_dags(config)
        (config / "sources/crm").chmod(0)
        root = os.geteuid() == 0
        try:
            if root:
                os.seteuid(_NOBODY)
            after = build_dags(config)
        finally:
            if root:
                os.seteuid(0)
            (config / "sources/crm").chmod(0o755)
        assert set(before) < set(after)
        assert list(after["crm.s1"].task_dict) == list(before["crm.s1"].task_dict)
        assert "config-error" in after["crm.s1"].tags
        assert "config/sources/crm:1:1" in after["crm.s1"].doc_md
        assert digest(after["erp.s1"]) == digest(before["erp.s1"])


def test_one_broken_file_among_a_thousand(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    config = project({f"sources/lib{n % 10}/s{n}.yaml": source(n) for n in range(1000)})
    before = {dag_id: digest(dag) for dag_id, dag in build_dags(config).items()}
    assert len(before) == 1000
    project({"sources/lib7/s417.yaml": source(417).replace("primary_key", "primry_key")})
    started = time.perf_counter()
    dags = build_dags(config)
    parse_s = time.perf_counter() - started
    after = {dag_id: digest(dag) for dag_id, dag in dags.items()}
    with capsys.disabled():
        print(f"\n1,000 sources, one broken: {parse_s:.1f} s for one parse")
    assert {dag_id for dag_id in before if after.get(dag_id) != before[dag_id]} == {"lib7.s417"}
    assert len(after) == 1000
    ill = dags["lib7.s417"]
    assert len(ill.task_dict) == 6
    assert "config-error" in ill.tags
    assert "`config/sources/lib7/s417.yaml:5:12`" in ill.doc_md
