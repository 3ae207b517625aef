"""Sources described in YAML become Airflow DAGs that move rows once, checked."""

__version__ = "0.1.0"
