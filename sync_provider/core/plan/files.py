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


def source_files(config_dir: Path, only: tuple[str, str] | None) -> tuple[list[SourceFile], list[Problem]]:
    """Return each source file, and a problem for each file that cannot be one; never raises.

    Args:
        only: (library, source): look for that file alone.
    """
    top, shown = config_dir / "sources", f"{config_dir.name}/sources"
    if only is not None:
        path = top / only[0] / f"{only[1]}.yaml"
        return ([SourceFile(path, f"{shown}/{only[0]}/{only[1]}.yaml", only[0])] if path.exists() else []), []
    if not top.is_dir():
        missing = shown if config_dir.is_dir() else config_dir.name
        fix = f"create {shown}/<library>/<source>.yaml, start in the folder that holds it, or pass --config DIR"
        return [], [_about(missing, "there is no such folder", fix)]
    files: list[SourceFile] = []
    strays: list[Problem] = []
    for name in _entries(top, shown, strays):
        if (top / name).is_dir():
            _look_into(top / name, f"{shown}/{name}", files, strays)
        elif _is_meant(name):
            strays.append(
                _about(f"{shown}/{name}", "lies outside of a library's folder", f"move it to {shown}/<library>/")
            )
    return files, strays


def _look_into(library: Path, shown: str, files: list[SourceFile], strays: list[Problem]) -> None:
    for name in _entries(library, shown, strays):
        if (library / name).is_dir():
            fix = f"keep source files directly in {shown}/"
            strays.append(_about(f"{shown}/{name}", "is a folder inside a library's folder", fix))
        elif name.endswith(".yaml"):
            files.append(SourceFile(library / name, f"{shown}/{name}", library.name))
        elif _is_meant(name):
            _, dot, ending = name.partition(".")
            what = f"ends in .{ending}" if dot else "has no ending"
            strays.append(_about(f"{shown}/{name}", f"is not read: its name {what}", "rename it to end in .yaml"))


def _is_meant(name: str) -> bool:
    """Whether whoever laid it there thinks it is a source; a README or a script is not."""
    return name.lower().endswith(_MEANT) or NAME.fullmatch(name) is not None


def _entries(folder: Path, shown: str, strays: list[Problem]) -> list[str]:
    try:
        names = [entry.name for entry in os.scandir(folder)]
    except OSError as error:
        strays.append(_about(shown, f"cannot be read: {error.strerror}", "let this user read the folder"))
        return []
    return sorted(name for name in names if not name.startswith(_IGNORED) and not name.endswith("~"))


def _about(shown: str, message: str, fix: str) -> Problem:
    return Document(shown).problem(1, 1, (), message, fix)
