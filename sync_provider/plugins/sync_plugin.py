"""The Airflow plugin; found through the `airflow.plugins` entry point."""

from __future__ import annotations

from typing import Any

from airflow.plugins_manager import AirflowPlugin


class SyncPlugin(AirflowPlugin):
    """Shows this provider under Admin → Plugins, and tells Airflow of its timetables."""

    name = "sync_provider"

    @property
    def timetables(self) -> list[Any]:
        """The timetables: imported when somebody asks, as each task of any DAG loads all plugins and needs none."""
        from sync_provider.timetables.interval import AnchoredInterval
        from sync_provider.timetables.once import OncePerVersion

        return [AnchoredInterval, OncePerVersion]
