-- Runs once, on an empty volume: the database that syncs write to, beside Airflow's own.
CREATE DATABASE warehouse;
