"""The time by the target's own clock, so that workers with other clocks agree."""

from __future__ import annotations

from datetime import datetime, timezone

import sqlalchemy as sa

from sync_provider.core.contracts import Session


def now(session: Session) -> datetime:
    """Return the server's time, aware UTC; a SQLite file's clock is this machine's."""
    if session.dialect == "sqlite":
        return datetime.now(timezone.utc)
    asked = sa.func.clock_timestamp() if session.dialect == "postgresql" else sa.func.utc_timestamp(6)
    found = session.rows(sa.select(sa.type_coerce(asked, sa.DateTime(timezone=True)).label("now")))[0]["now"]
    assert isinstance(found, datetime)
    return found
