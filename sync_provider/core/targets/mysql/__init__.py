"""Tables in MySQL and MariaDB as a target."""

from __future__ import annotations

from sync_provider.core.contracts import TargetType
from sync_provider.core.targets.mysql.catalogue import MAX_IDENTIFIER
from sync_provider.core.targets.mysql.target import MySqlTarget

TARGET = TargetType(
    type="mysql", open=MySqlTarget, writes=("append", "merge", "replace"), max_identifier=MAX_IDENTIFIER
)
