"""Connections as Airflow and our CLI read them from the environment."""

from __future__ import annotations

import json
from dataclasses import asdict

from sync_provider.core.contracts import ConnectionInfo


def airflow_conn(info: ConnectionInfo) -> tuple[str, str]:
    """Return name and JSON value of the environment variable that defines this connection."""
    values = {name: value for name, value in asdict(info).items() if value}
    return f"AIRFLOW_CONN_{values.pop('id').upper()}", json.dumps({"conn_type": values.pop("type"), **values})
