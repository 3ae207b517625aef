"""sqlite3's exceptions → our errors, by SQLite's own message."""

from __future__ import annotations

import os
import sqlite3

from sync_provider.core.contracts import ConnectionInfo
from sync_provider.core.errors import (
    AuthenticationError,
    CancelledError,
    ConfigError,
    ContractError,
    DataError,
    ResourceError,
    SyncError,
)

#: words of SQLite's message → (error, fix), the first that fits; Python 3.10 does not give the result code
_BY_WORDS: tuple[tuple[str, type[SyncError], str], ...] = (
    ("locked", ResourceError, "wait until the other writer is done; this is retried"),
    ("disk is full", ResourceError, "free disk space; this is retried"),
    ("disk I/O", ResourceError, "look at the disk; this is retried"),
    ("out of memory", ResourceError, "free memory; this is retried"),
    ("not a database", ConfigError, "point Airflow connection '{id}' to a SQLite file"),
    ("malformed", ResourceError, "restore the file from a backup: its content is damaged"),
    ("readonly", AuthenticationError, "let this user write the file and its folder; this is not retried"),
    ("unable to open", AuthenticationError, "let this user read and write the file and its folder"),
    ("no such", ConfigError, "correct the name, or create the table"),
    ("has no column", ConfigError, "correct the name, or add the column"),
    ("duplicate column", ConfigError, "rename one of them: SQLite takes upper and lower case for the same"),
    ("constraint failed", DataError, "correct the rows at the source or relax the constraint"),
    ("cannot store", DataError, "correct the values at the source or change the column's type"),
    ("datatype mismatch", DataError, "correct the values at the source or change the column's type"),
    ("too big", DataError, "shorten the value at the source"),
    ("too large to convert", DataError, "correct the values at the source"),
    ("syntax error", ConfigError, "correct the expression in the YAML"),
    ("near ", ConfigError, "correct the expression in the YAML"),
)


def where(info: ConnectionInfo, path: str) -> str:
    """Return how messages name this file: `sqlite connection 'demo' (/data/demo.db)`."""
    return f"sqlite connection '{info.id}' ({path})"


def stopped(info: ConnectionInfo, path: str) -> CancelledError:
    """Return the error of a statement that `Session.cancel` stopped."""
    return CancelledError(
        f"{where(info, path)}: the statement was cancelled", "start the run again when you want it to go on"
    )


def classify(error: Exception, info: ConnectionInfo, path: str) -> SyncError:
    """Return our error for one of sqlite3's; raise it `from` the original."""
    if isinstance(error, SyncError):
        return error
    said = str(error)
    for words, kind, fix in _BY_WORDS:
        if words in said:
            return kind(f"{where(info, path)}: {said}", fix.format(id=info.id), _code(error))
    if isinstance(error, sqlite3.DataError | sqlite3.IntegrityError | OverflowError):
        return DataError(f"{where(info, path)}: {said}", "correct the values at the source", _code(error))
    return ContractError(f"{where(info, path)}: {said}", "report this with the log", _code(error))


def check_place(info: ConnectionInfo, path: str, *, create: bool) -> None:
    """Say clearly what SQLite calls `unable to open database file`.

    Raises:
        ConfigError: no path, no folder, or no file where none is to be made.
    """
    if not path or path == ":memory:":
        raise ConfigError(
            f"sqlite connection '{info.id}': no file is named, got {path!r}",
            f"put the file's path into the host of Airflow connection '{info.id}'",
        )
    folder = os.path.dirname(os.path.abspath(path))
    if not os.path.isdir(folder):
        slashes = "" if os.path.isabs(path) else f", or write four slashes for an absolute path: sqlite:////{path}"
        fix = f"create it: mkdir -p {folder}{slashes}"
        raise ConfigError(f"{where(info, path)}: folder {folder} does not exist", fix)
    if os.path.isdir(path):
        raise ConfigError(f"{where(info, path)}: is a folder", "name a file in it")
    if not create and not os.path.exists(path):
        raise ConfigError(f"{where(info, path)}: no such file", f"correct the path in Airflow connection '{info.id}'")


def _code(error: Exception) -> str:
    return str(getattr(error, "sqlite_errorname", "") or "")
