"""The store's copies of last good versions: for whoever cannot see the folder of the DAG processor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync_provider.core.plan.last_good import LastGood
from sync_provider.core.store.tables import last_good as table

if TYPE_CHECKING:
    import sqlalchemy as sa


def read(engine: sa.Engine, environment: str, source: str) -> str | None:
    """Return the text kept for a source, or None."""
    query = table.select().where(_is(environment, source))
    with engine.connect() as connection:
        row = connection.execute(query).first()
    return row.content if row else None


def keep(engine: sa.Engine, version: LastGood) -> bool:
    """Keep a version unless it is there, or a newer one is; a run of last year that is cleared changes nothing."""
    with engine.begin() as connection:
        same = _is(version.environment, version.source)
        row = connection.execute(table.select().where(same).with_for_update()).first()
        if row is not None and (row.digest == version.digest or row.saved > version.saved):
            return False
        values = {"environment": version.environment, "source": version.source, "digest": version.digest,
                  "saved": version.saved, "content": version.text()}  # fmt: skip
        connection.execute(table.delete().where(same))
        connection.execute(table.insert().values(values))
    return True


def _is(environment: str, source: str) -> sa.ColumnElement[bool]:
    return (table.c.environment == environment) & (table.c.source == source)
