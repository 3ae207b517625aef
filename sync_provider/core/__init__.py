"""MOVES DATA. Never imports Airflow; usable and testable without it."""
