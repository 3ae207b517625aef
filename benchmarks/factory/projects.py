"""The same DAGs three times: as our YAML, as a loop written by hand over that YAML, as dag-factory's YAML."""

from __future__ import annotations

import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STAGES = ("check", "extract", "transform", "quality", "load", "report")
_HEAD = """\
source: {{type: postgres, connection: shop_{n}}}
title: 来源 {n}
owner: data
target: {{connection: dwh, schema: ods_{n}}}
schedule: {{cron: "{minute} * * * *", timezone: Asia/Shanghai}}
retry: {{max: 3, delay: 1m}}
interfaces:
"""
_INTERFACE = """\
  t{i}:
    title: 接口 {i}
    primary_key: id
    incremental: {{cursor: updated_at}}
    columns:
      amt: {{to: amount, type: "decimal(12,2)"}}
      created: {{type: timestamp}}
    clean: [{{trim: [name]}}]
    checks:
      - not_null: [id, user_id]
      - range: {{amount: {{min: 0}}}}
    max_bad: 1%
"""
#: what somebody writes who knows Airflow well: the parsing context, lean operators, the form set last
_LOOP = '''\
"""A hand-written loop over the YAML of ../config."""
from datetime import datetime, timedelta
from pathlib import Path
import yaml
from airflow.sdk import (
    DAG, BaseOperator, CronDataIntervalTimetable, Param, ParamsDict, TaskGroup, TriggerRule, get_parsing_context,
)
from airflow.sdk.bases.operator import chain

STAGES = ("check", "extract", "transform", "quality", "load", "report")

class Step(BaseOperator):
    def __init__(self, *, connection, table, options, **kwargs):
        super().__init__(**kwargs)
        self.connection, self.table, self.options = connection, table, options
    def execute(self, context):
        return None

def form(names, titles):
    return {
        "interfaces": Param([], type=["array", "null"], items={"type": "string", "enum": names}, examples=names,
                            values_display=titles, title="Interfaces"),
        "full": Param(False, type="boolean", title="Read everything"),
        "since": Param(None, type=["null", "string"], format="date-time", title="From"),
        "until": Param(None, type=["null", "string"], format="date-time", title="To"),
    }

def build(file):
    read = yaml.load(file.read_bytes(), yaml.CSafeLoader)
    interfaces = read["interfaces"]
    schedule = CronDataIntervalTimetable(read["schedule"]["cron"], timezone=read["schedule"]["timezone"])
    rows = "\\n".join(f"| {o['title']} | {i} | {o['primary_key']} |" for i, o in interfaces.items())
    options = dict(owner=read["owner"], retries=read["retry"]["max"], retry_delay=timedelta(minutes=1),
                   retry_exponential_backoff=2.0, max_retry_delay=timedelta(minutes=10))
    with DAG(f"{file.parent.name}.{file.stem}", dag_display_name=read["title"], schedule=schedule,
             start_date=datetime(2024, 1, 1), catchup=False, max_active_runs=1,
             tags=[file.parent.name, f"source:{file.stem}", "batch"],
             doc_md=f"**{read['title']}**\\n\\n| interface | target | key |\\n|---|---|---|\\n{rows}") as dag:
        for name, one in interfaces.items():
            with TaskGroup(name, group_display_name=one["title"], tooltip=f"postgres {name}, merge"):
                steps = [Step(task_id=stage, connection=read["source"]["connection"], table=name, options=one,
                              **options) for stage in STAGES]
                steps[-1].trigger_rule = TriggerRule.NONE_SKIPPED
                chain(*steps)
    FORM
    return dag

asked = get_parsing_context().dag_id
for file in sorted((Path(__file__).parent.parent / "config" / "sources").glob("*/*.yaml")):
    if asked in (None, f"{file.parent.name}.{file.stem}"):
        globals()[f"{file.parent.name}_{file.stem}"] = build(file)
'''
_FORM = "dag.params = ParamsDict(form(list(interfaces), {i: o['title'] for i, o in interfaces.items()}))"
_FACTORY = '''\
"""The loader of dag-factory's documentation; from airflow import DAG is what makes Airflow look into this file."""
from pathlib import Path
from dagfactory import load_yaml_dags
load_yaml_dags(globals_dict=globals(), dags_folder=str(Path(__file__).parent))
'''


def lay_ours(root: Path, sources: int, interfaces: int) -> Path:
    """Write a project of ours and return its dags folder."""
    for n in range(sources):
        file = root / f"config/sources/lib{n % 10}/s{n}.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        body = "".join(_INTERFACE.format(i=i) for i in range(interfaces))
        file.write_text(_HEAD.format(n=n, minute=n % 60) + body, encoding="utf-8")
    (root / "dags").mkdir(exist_ok=True)
    shutil.copy(ROOT / "dags/sync_dags.py", root / "dags")
    return root / "dags"


def lay_loop(root: Path, sources: int, interfaces: int, *, form: bool) -> Path:
    """Write the same YAML with a loop by hand over it, and return its dags folder."""
    folder = lay_ours(root, sources, interfaces)
    (folder / "sync_dags.py").unlink()
    (folder / "loop.py").write_text(_LOOP.replace("FORM", _FORM if form else "pass"), encoding="utf-8")
    return folder


def lay_dag_factory(root: Path, sources: int, interfaces: int) -> Path:
    """Write one YAML per DAG in dag-factory's language, of the lightest operators, without form or retry policy."""
    folder = root / "dags"
    folder.mkdir(parents=True)
    for n in range(sources):
        groups = "".join(f"    t{i}: {{tooltip: 'postgres t{i}, merge'}}\n" for i in range(interfaces))
        tasks = "".join(_tasks(i) for i in range(interfaces))
        (folder / f"s{n}.yml").write_text(
            f"lib{n % 10}_s{n}:\n"
            "  default_args: {owner: data, start_date: 2024-01-01, retries: 3, retry_delay_sec: 60}\n"
            f"  schedule: '{n % 60} * * * *'\n  catchup: false\n  max_active_runs: 1\n  tags: [lib{n % 10}, batch]\n"
            f"  doc_md: '**source {n}**'\n  task_groups:\n{groups}  tasks:\n{tasks}",
            encoding="utf-8",
        )
    (folder / "load.py").write_text(_FACTORY, encoding="utf-8")
    return folder


def _tasks(i: int) -> str:
    lines = []
    for number, stage in enumerate(STAGES):
        after = f", dependencies: [t{i}_{STAGES[number - 1]}]" if number else ""
        lines.append(
            f"    - {{task_id: t{i}_{stage}, operator: airflow.providers.standard.operators.empty.EmptyOperator, "
            f"task_group_name: t{i}{after}}}\n"
        )
    return "".join(lines)
