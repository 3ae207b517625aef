"""`sync-provider schema`: the JSON Schema editors use to complete and check the YAML."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

HELP = "print the JSON Schema for editors"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--out", metavar="FILE", help="write it there and say how editors find it")


def run(args: argparse.Namespace) -> int:
    """Print or write the schema."""
    from sync_provider.core.config.schema import json_schema
    from sync_provider.core.errors import ConfigError

    text = json.dumps(json_schema(), ensure_ascii=False, indent=2) + "\n"
    if args.out is None:
        print(text, end="")
        return 0
    try:
        Path(args.out).write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"{args.out}: cannot be written: {error.strerror}", fix="name a file in a folder that exists"
        ) from error
    print(f"wrote {args.out}; first line of each YAML file: # yaml-language-server: $schema=<path to it>")
    return 0
