"""Where the YAML is and which environment applies: Airflow's `[sync]` section, else beside the dags folder."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from airflow.sdk.configuration import conf


def config_dir(default: Path) -> Path:
    """Return `[sync] config_dir` (or AIRFLOW__SYNC__CONFIG_DIR), else `default`."""
    return Path(conf.get("sync", "config_dir", fallback="") or default).resolve()


def environment() -> str | None:
    """Return `[sync] environment` (or AIRFLOW__SYNC__ENVIRONMENT), else None."""
    return conf.get("sync", "environment", fallback="") or None


def last_good_dir(config: Path) -> Path:
    """Return `[sync] last_good_dir`, else `.sync/last_good` beside the config folder."""
    return Path(conf.get("sync", "last_good_dir", fallback="") or config.parent / ".sync" / "last_good")


def put_plugins_on_path(config: Path) -> None:
    """Let YAML name what lies in `plugins/` beside the config folder, as Airflow does for its own plugins folder."""
    folder = config.parent / "plugins"
    if folder.is_dir() and str(folder) not in sys.path:
        sys.path.append(str(folder))


def known_pools(config: Path) -> frozenset[str]:
    """Return the pools `sync-provider init` made, from the note it leaves in `.sync/pools.json`.

    A task in a pool that Airflow does not have is never scheduled, and a DAG file cannot ask the database.
    """
    try:
        return frozenset(json.loads((config.parent / ".sync" / "pools.json").read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return frozenset()
