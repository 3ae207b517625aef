"""Alerts out, through any Airflow notifier."""
