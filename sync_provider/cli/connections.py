"""Connections for the command line: `AIRFLOW_CONN_*` first, then Airflow itself."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from urllib.parse import parse_qsl, unquote, urlsplit

from sync_provider.core.contracts import ConnectionInfo
from sync_provider.core.errors import ConfigError

_ALIASES = {"postgresql": "postgres"}


def lookup(connection_id: str) -> ConnectionInfo:
    """Resolve a connection id without starting Airflow where the environment already tells.

    Raises:
        ConfigError: there is none, or it cannot be read; the value is never shown.
    """
    variable = f"AIRFLOW_CONN_{connection_id.upper()}"
    text = os.environ.get(variable)
    if text is None:
        return _from_airflow(connection_id, variable)
    try:
        return from_text(connection_id, text)
    except ValueError as error:
        raise ConfigError(
            f"connection {connection_id!r}: {variable} is neither a connection URI nor JSON",
            fix=f'e.g. {variable}=postgres://user:password@host:5432/database or {{"conn_type": "postgres", …}}',
        ) from error


def from_text(connection_id: str, text: str) -> ConnectionInfo:
    """Read Airflow's two spellings of a connection: URI and JSON.

    Raises:
        ValueError: it is neither.
    """
    return (
        _from_json(connection_id, json.loads(text)) if text.lstrip().startswith("{") else _from_uri(connection_id, text)
    )


def _from_uri(connection_id: str, text: str) -> ConnectionInfo:
    parts = urlsplit(text)
    if not parts.scheme:
        raise ValueError("no scheme")
    extra: dict[str, object] = dict(parse_qsl(parts.query))
    if "__extra__" in extra:
        extra = json.loads(str(extra["__extra__"]))
    return ConnectionInfo(
        id=connection_id,
        type=_type(parts.scheme),
        host=unquote(parts.hostname) if parts.hostname else None,
        port=parts.port,
        login=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        schema=unquote(parts.path[1:]) or None,
        extra=extra,
    )


def _from_json(connection_id: str, data: Mapping[str, object]) -> ConnectionInfo:
    extra = data.get("extra") or {}
    if isinstance(extra, str):
        extra = json.loads(extra)
    if not isinstance(extra, dict) or not data.get("conn_type"):
        raise ValueError("conn_type is missing, or extra is not an object")
    port = data.get("port")
    words = {key: str(data[key]) for key in ("host", "login", "password", "schema") if data.get(key)}
    return ConnectionInfo(
        id=connection_id,
        type=_type(str(data["conn_type"])),
        port=int(str(port)) if port else None,
        extra=extra,
        **words,
    )


def _type(word: str) -> str:
    plain = word.replace("-", "_").lower()
    return _ALIASES.get(plain, plain)


def _from_airflow(connection_id: str, variable: str) -> ConnectionInfo:
    """Ask Airflow; its import takes seconds, so only when the environment does not tell."""
    try:
        from sync_provider.hooks.connections import airflow_connections

        return airflow_connections()(connection_id)
    except (ConfigError, ImportError) as error:
        raise ConfigError(
            f"connection {connection_id!r} is not defined",
            fix=f"set {variable}, or add the connection in Airflow (Admin → Connections)",
        ) from error
