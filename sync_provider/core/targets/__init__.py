"""One file = one Airflow connection type that can be written to."""
