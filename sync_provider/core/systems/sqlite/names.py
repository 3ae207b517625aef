"""Names in SQLite: quoted as standard SQL does."""

from __future__ import annotations

from sync_provider.core.systems.names import listed, literal, qualified, quote

__all__ = ["listed", "literal", "qualified", "quote"]
