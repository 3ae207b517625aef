"""`sync-provider`: finds the command's module, imports only that one, turns errors into text and an exit code."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from sync_provider import __version__
from sync_provider.cli import options

if TYPE_CHECKING:
    from types import ModuleType

#: command → module under sync_provider.cli with HELP, arguments(parser), run(args) -> exit code
COMMANDS = {
    "validate": "validate",
    "explain": "explain",
    "list": "listing",
    "schema": "schema",
    "run": "run",
    "preview": "preview",
    "init": "init",
    "target": "targets",
    "test-connection": "test_connection",
    "state": "state",
    "db": "db",
}
OK, PROBLEMS, MISUSE, INTERRUPTED = 0, 1, 2, 130
_VALUED = ("--config", "--env")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        0 fine, 1 problems, 2 misuse, 130 interrupted.
    """
    from sync_provider.core.errors import SkippedError, SyncError

    arguments = list(sys.argv[1:] if argv is None else argv)
    chosen = _command(arguments)
    if chosen is not None and chosen not in COMMANDS:
        near = get_close_matches(chosen, COMMANDS, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else f"; commands: {', '.join(COMMANDS)}"
        print(f"unknown command {chosen!r}{hint}", file=sys.stderr)
        return MISUSE
    try:
        args = _parser(chosen).parse_args(arguments)
        _put_plugins_on_path(Path(args.config))
        return int(args.run(args))
    except SystemExit as end:
        return int(end.code or OK)
    except SkippedError as skipped:
        print(skipped, file=sys.stderr)
        return OK
    except SyncError as error:
        print(error, file=sys.stderr)
        return PROBLEMS
    except KeyboardInterrupt as interrupt:
        print(str(interrupt) or "interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # whoever read our output has seen enough; Python must not complain when it flushes at exit
        sys.stdout = None  # type: ignore[assignment]
        return PROBLEMS


def _parser(chosen: str | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="sync-provider", description="Move rows once, checked, as the YAML says.")
    parser.add_argument("--version", action="version", version=f"sync-provider {__version__}")
    options.top(parser)
    commands = parser.add_subparsers(metavar="COMMAND", required=True, dest="command")
    for name, module_name in COMMANDS.items():
        if chosen is not None and chosen != name:
            commands.add_parser(name)
            continue
        module: ModuleType = import_module(f"sync_provider.cli.{module_name}")
        command = commands.add_parser(name, help=module.HELP, description=module.HELP, parents=[options.shared()])
        module.arguments(command)
        command.set_defaults(run=module.run)
    return parser


def _put_plugins_on_path(config: Path) -> None:
    """Let YAML name what lies in `plugins/` beside the config folder, as the DAG factory does."""
    folder = config.resolve().parent / "plugins"
    if folder.is_dir() and str(folder) not in sys.path:
        sys.path.append(str(folder))


def _command(arguments: Sequence[str]) -> str | None:
    """Return the command's name without parsing the rest, so that only its module is imported."""
    words = iter(arguments)
    for word in words:
        if word in _VALUED:
            next(words, None)
        elif not word.startswith("-"):
            return word
    return None


if __name__ == "__main__":
    sys.exit(main())
