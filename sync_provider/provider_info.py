"""What Airflow's provider registry reads; imported by every Airflow process, so it imports nothing itself."""

from __future__ import annotations

from typing import Any

from sync_provider import __version__

_HIDDEN = ["host", "port", "login", "schema", "extra"]


def get_provider_info() -> dict[str, Any]:
    """Return name, connection type and config section in the form of Airflow's `provider_info` schema."""
    return {
        "package-name": "airflow-provider-sync",
        "name": "Sync",
        "description": "Sources described in YAML become DAGs that move rows once, checked.",
        "versions": [__version__],
        "connection-types": [
            {
                "connection-type": "sync_key",
                "hook-class-name": "sync_provider.hooks.key.KeyHook",
                "hook-name": "Sync masking key",
                "ui-field-behaviour": {
                    "hidden-fields": _HIDDEN,
                    "relabeling": {"password": "Key"},
                    "placeholders": {"password": "at least 16 characters; changing it changes every masked value"},
                },
            }
        ],
        "config": {"sync": {"description": "Where airflow-provider-sync finds its YAML.", "options": _options()}},
    }


def _options() -> dict[str, Any]:
    return {
        "config_dir": {
            "description": "Folder that holds project.yaml and sources/. Empty: `config` beside the dags folder.",
            "version_added": __version__,
            "type": "string",
            "example": "config",
            "default": "",
        },
        "last_good_dir": {
            "description": "Folder for the last good version of each source. Empty: `.sync/last_good` beside `config`.",
            "version_added": __version__,
            "type": "string",
            "example": "/var/lib/sync/last_good",
            "default": "",
        },
        "environment": {
            "description": "Which of `environments:` in project.yaml applies here. Empty: none.",
            "version_added": __version__,
            "type": "string",
            "example": "prod",
            "default": "",
        },
    }
