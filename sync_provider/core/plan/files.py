"""Which files of a config folder are sources, and which only look as if they were."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from sync_provider.core.config.positions import Document
from sync_provider.core.config.problems import Problem
from sync_provider.core.config.source_file import NAME

#: what editors leave behind
_IGNORED = (".", "_", "~")
#: endings that mean a source file to whoever gave them
_MEANT = (".yaml", ".yml", ".yaml.txt", ".yml.txt")


class SourceFile(NamedTuple):
    """One file to read; `shown` is how messages call it."""

    path: Path
    shown: str
    library: str


class Listing(NamedTuple):
    """What a config folder holds; `unread` are the libraries nobody may look into, "" for all."""

    files: list[SourceFile]
    strays: list[Problem]
    unread: list[str]


def source_files(config_dir: Path, only: tuple[str, str] | None) -> Listing:
    """Return each source file, and a problem for each file that cannot be one; never raises.

    Args:
        only: (library, source): look for that file alone.
    """
    top, shown = config_dir / "sources", f"{config_dir.name}/sources"
    if only is not None:
        path = top / only[0] / f"{only[1]}.yaml"
        there = os.path.lexists(path)
        return Listing([SourceFile(path, f"{shown}/{only[0]}/{only[1]}.yaml", only[0])] if there else [], [], [])
    if not top.is_dir():
        missing = shown if config_dir.is_dir() else config_dir.name
        fix = f"create {shown}/<library>/<source>.yaml, start in the folder that holds it, or pass --config DIR"
        return Listing([], [_about(missing, "there is no such folder", fix)], [])
    found = Listing([], [], [])
    for name in _entries(top, shown, "", found):
        if (top / name).is_dir():
            _look_into(top / name, f"{shown}/{name}", found)
        elif _is_meant(name):
            found.strays.append(
                _about(f"{shown}/{name}", "lies outside of a library's folder", f"move it to {shown}/<library>/")
            )
    return found


def _look_into(library: Path, shown: str, found: Listing) -> None:
    for name in _entries(library, shown, library.name, found):
        if name.endswith(".yaml"):
            found.files.append(SourceFile(library / name, f"{shown}/{name}", library.name))
        elif (library / name).is_dir():
            fix = f"keep source files directly in {shown}/"
            found.strays.append(_about(f"{shown}/{name}", "is a folder inside a library's folder", fix))
        elif _is_meant(name):
            _, dot, ending = name.partition(".")
            what = f"ends in .{ending}" if dot else "has no ending"
            found.strays.append(_about(f"{shown}/{name}", f"is not read: its name {what}", "rename it to end in .yaml"))


def _is_meant(name: str) -> bool:
    """Whether whoever laid it there thinks it is a source; a README or a script is not."""
    return name.lower().endswith(_MEANT) or NAME.fullmatch(name) is not None


def _entries(folder: Path, shown: str, library: str, found: Listing) -> list[str]:
    try:
        names = [entry.name for entry in os.scandir(folder)]
    except OSError as error:
        found.strays.append(_about(shown, f"cannot be read: {error.strerror}", "let this user read the folder"))
        found.unread.append(library)
        return []
    return sorted(name for name in names if not name.startswith(_IGNORED) and not name.endswith("~"))


def _about(shown: str, message: str, fix: str) -> Problem:
    return Document(shown).problem(1, 1, (), message, fix)
