"""Tables in PostgreSQL as a target."""

from __future__ import annotations

from sync_provider.core.contracts import TargetType
from sync_provider.core.targets.postgres.catalogue import MAX_IDENTIFIER
from sync_provider.core.targets.postgres.target import PostgresTarget

TARGET = TargetType(
    type="postgres", open=PostgresTarget, writes=("append", "merge", "replace"), max_identifier=MAX_IDENTIFIER
)
