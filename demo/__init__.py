"""`make demo`: Airflow on this machine with two sources of invented data and a SQLite target."""
