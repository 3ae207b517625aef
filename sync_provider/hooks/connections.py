"""Airflow connections as the core wants them; read where they are used, never at parse time."""

from __future__ import annotations

import json
from typing import Any

from sync_provider.core.contracts import ConnectionInfo, ConnectionLookup
from sync_provider.core.errors import ConfigError


def airflow_connections() -> ConnectionLookup:
    """Return a lookup that asks Airflow: environment variables, secrets backends, then its database."""
    from airflow.sdk import BaseHook
    from airflow.sdk.exceptions import AirflowNotFoundException

    def lookup(connection_id: str) -> ConnectionInfo:
        try:
            found = BaseHook.get_connection(connection_id)
        except AirflowNotFoundException:
            raise ConfigError(
                f"connection {connection_id!r}: Airflow has none of that id",
                fix=f"add it under Admin → Connections, or set AIRFLOW_CONN_{connection_id.upper()}",
            ) from None
        return ConnectionInfo(
            id=connection_id,
            type=found.conn_type or "",
            host=found.host or None,
            port=found.port,
            login=found.login or None,
            password=found.password or None,
            schema=found.schema or None,
            extra=_extra(connection_id, found.extra),
        )

    return lookup


def _extra(connection_id: str, text: str | None) -> dict[str, Any]:
    """Read `extra`; what it says is never repeated in the error, it may hold secrets."""
    try:
        value = json.loads(text) if text and text.strip() else {}
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise ConfigError(
            f"connection {connection_id!r}: its extra is not a JSON object",
            fix=f"correct the extra of Airflow connection {connection_id!r}",
        )
    return value
