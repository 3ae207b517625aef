"""Airflow timetables of ours, for what Airflow's own cannot say; the plugin registers them."""
