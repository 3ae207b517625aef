"""Testing a SQLite connection: file, database, rights, tables."""

from __future__ import annotations

import os
from collections.abc import Sequence

from sync_provider.core.contracts import ConnectionInfo
from sync_provider.core.errors import SyncError
from sync_provider.core.systems.probing import LIMIT_S, ProbeStep, Wanted
from sync_provider.core.systems.sqlite.errors import check_place
from sync_provider.core.systems.sqlite.session import SqliteSession, path_of


def probe(info: ConnectionInfo, tables: Sequence[Wanted] = ()) -> list[ProbeStep]:
    """Test a connection; see `probing.probe`. A file that a target will create is not created here."""
    path, writes = path_of(info), any(wanted.may_be_missing for wanted in tables)
    try:
        check_place(info, path, create=writes)
    except SyncError as error:
        return [ProbeStep.failed("file", error)]
    folder = os.path.dirname(os.path.abspath(path))
    if not os.path.exists(path):
        may = os.access(folder, os.W_OK)
        fix = "" if may else f"let the user running the task write {folder}"
        return [ProbeStep("file", may, f"{path} {'will be created' if may else 'cannot be created'}", fix)]
    if not os.access(path, os.R_OK) or (writes and not (os.access(path, os.W_OK) and os.access(folder, os.W_OK))):
        fix = f"let the user running the task {'write the file and its folder' if writes else 'read the file'}"
        return [ProbeStep("permission", False, f"{path} may not be {'written' if writes else 'read'}", fix)]
    return [ProbeStep("file", True, f"{path}, {os.path.getsize(path):,} bytes"), *_database(info, tables)]


def _database(info: ConnectionInfo, tables: Sequence[Wanted]) -> list[ProbeStep]:
    try:
        session = SqliteSession(info, read_only=True, busy_s=LIMIT_S / 2)
    except SyncError as error:
        return [ProbeStep.failed("database", error)]
    try:
        rows = session.fetch("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")
        names = {str(row["name"]).lower() for row in rows}
        return [ProbeStep("database", True, f"{len(names)} tables"), *(_table(wanted, names) for wanted in tables)]
    except SyncError as error:
        return [ProbeStep.failed("database", error)]
    finally:
        session.close()


def _table(wanted: Wanted, names: set[str]) -> ProbeStep:
    name = f"table {wanted.table}"
    if wanted.table.lower() in names:
        return ProbeStep(name, True, "is there")
    if wanted.may_be_missing:
        return ProbeStep(name, True, "will be created")
    return ProbeStep(name, False, "does not exist", "correct `table:`")
