"""Tables in a SQLite file as a target."""

from __future__ import annotations

from sync_provider.core.contracts import TargetType
from sync_provider.core.targets.sqlite.target import SqliteTarget

#: SQLite sets no limit; this is where names stop being names
MAX_IDENTIFIER = 1000

TARGET = TargetType(
    type="sqlite", open=SqliteTarget, writes=("append", "merge", "replace"), max_identifier=MAX_IDENTIFIER
)
