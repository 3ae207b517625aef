"""The options every command and every verb takes."""

from __future__ import annotations

import argparse
import os


def top(parser: argparse.ArgumentParser) -> None:
    """Declare them before the command's name, with their defaults."""
    _declare(parser, config="config", env=os.environ.get("AIRFLOW__SYNC__ENVIRONMENT") or None)


def shared() -> argparse.ArgumentParser:
    """Return a parent parser that declares them again, so that they may stand behind a command or verb too."""
    parser = argparse.ArgumentParser(add_help=False)
    _declare(parser, config=argparse.SUPPRESS, env=argparse.SUPPRESS)
    return parser


def _declare(parser: argparse.ArgumentParser, config: str, env: str | None) -> None:
    parser.add_argument("--config", metavar="DIR", default=config, help="the config folder (default: ./config)")
    parser.add_argument(
        "--env",
        metavar="NAME",
        default=env,
        help="one of `environments:` in project.yaml (default: AIRFLOW__SYNC__ENVIRONMENT)",
    )
