"""The file Airflow parses: every source under config/sources becomes a DAG."""

from pathlib import Path

from sync_provider.dag_factory import build_dags

# beside this file, so that a Git bundle pins each run to the YAML of its commit
globals().update(build_dags(Path(__file__).resolve().parent.parent / "config"))
