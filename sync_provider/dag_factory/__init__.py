"""Project → Airflow DAGs: schedules and task groups."""
