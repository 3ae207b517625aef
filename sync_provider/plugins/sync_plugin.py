"""The Airflow plugin; found through the `airflow.plugins` entry point."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

from sync_provider.timetables.interval import AnchoredInterval
from sync_provider.timetables.once import OncePerVersion


class SyncPlugin(AirflowPlugin):
    """Shows this provider under Admin → Plugins, and tells Airflow of its timetables."""

    name = "sync_provider"
    timetables = [AnchoredInterval, OncePerVersion]  # noqa: RUF012 - Airflow's own type
