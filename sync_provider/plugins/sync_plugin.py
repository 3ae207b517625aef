"""The Airflow plugin; found through the `airflow.plugins` entry point."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin


class SyncPlugin(AirflowPlugin):
    """Makes this provider visible under Admin → Plugins."""

    name = "sync_provider"
