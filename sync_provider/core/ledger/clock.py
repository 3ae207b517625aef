"""The time by the target's own clock, so that workers with other clocks agree."""

from __future__ import annotations

from datetime import datetime, timezone

import sqlalchemy as sa

from sync_provider.core.contracts import Session


def now(session: Session) -> datetime:
    """Return the server's time, aware UTC; a SQLite file's clock is this machine's."""
    if session.dialect != "postgresql":
        return datetime.now(timezone.utc)
    found = session.rows(sa.select(sa.func.clock_timestamp().label("now")))[0]["now"]
    assert isinstance(found, datetime)
    return found
