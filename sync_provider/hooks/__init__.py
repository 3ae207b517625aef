"""Airflow connections in."""
