"""Where the files of an interface are."""

from __future__ import annotations

import os
from pathlib import Path

from sync_provider.core.errors import ConfigError, DataError
from sync_provider.core.systems.csv.text import unreadable


def source_folder(config_file: str, path: str) -> Path:
    """Return the folder `path` means: relative ones start where the `config` folder is.

    Args:
        config_file: `…/config/sources/<library>/<source>.yaml`; "" = the working directory is meant.
    """
    folder = Path(path).expanduser()
    if folder.is_absolute():
        return folder
    parents = Path(config_file).absolute().parents if config_file else ()
    roots = (parent.parent.parent for parent in parents if parent.name == "sources")
    return next(roots, Path.cwd()) / folder


def matching(folder: Path, pattern: str, may_be_none: bool, interface: str) -> list[Path]:
    """Return the readable files that match, by name.

    Raises:
        ConfigError: the folder is not there or a file may not be read.
        DataError: nothing matches, unless `may_be_none`.
    """
    if not folder.is_dir():
        what = "is not a folder" if folder.exists() else "is not there"
        raise ConfigError(
            f"interface {interface!r}: source.path {folder} {what}",
            fix="correct source.path; a relative one starts in the folder that holds `config/`",
        )
    if Path(pattern).is_absolute() or ".." in Path(pattern).parts:
        raise ConfigError(
            f"interface {interface!r}: files {pattern!r} leaves source.path", fix="name the files inside source.path"
        )
    try:
        found = sorted(path for path in folder.glob(pattern) if path.is_file())
    except OSError as error:
        raise unreadable(folder, error) from error
    if not found and not may_be_none:
        raise DataError(
            f"interface {interface!r}: no file matches {pattern!r} in {folder}; it holds {_listing(folder)}",
            fix="correct `files:`, or write `missing: ok` where no file means no rows",
        )
    for path in found:
        if not os.access(path, os.R_OK):
            raise ConfigError(f"{path}: may not be read", fix="let the user running the task read it")
    return found


def _listing(folder: Path) -> str:
    names = sorted(path.name for path in folder.iterdir() if path.is_file())
    shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    return shown or "no files"
