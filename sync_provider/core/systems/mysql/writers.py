"""Who is still writing in MySQL: how far a checkpoint may go without leaving late commits behind."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from sync_provider.core.errors import SyncError

if TYPE_CHECKING:
    from sync_provider.core.systems.mysql.session import MySqlSession

#: how long a run by key waits for those who were writing when its upper bound was fixed
WAIT_S = 3.0
#: InnoDB lists transactions anew at most every 0.1 s, and keeps the old list while somebody looks more often
_TURN_S = 0.15
_FRESH_TURNS = 20
#: a statement sets its clock a moment before InnoDB lists its transaction, and lists whole seconds
_MARGIN = timedelta(seconds=2)
#: the right PROCESS is missing
_MAY_NOT = ("1227", "1142")

#: InnoDB writes its times on the clock of the server's machine; where that shows an hour twice, the first one is meant
SINCE = (
    "least(CONVERT_TZ({at}, 'SYSTEM', '+00:00'), "
    "CONVERT_TZ({at} - INTERVAL 1 HOUR, 'SYSTEM', '+00:00') + INTERVAL 1 HOUR)"
)
_OPEN = f"""
SELECT trx_mysql_thread_id AS thread, trx_mysql_thread_id = connection_id() AS own,
       trx_rows_modified > 0 OR trx_query IS NOT NULL AS writes, trx_started AS started,
       {SINCE.format(at="trx_started")} AS since
FROM information_schema.innodb_trx"""
#: what runs has read its clock, and InnoDB lists it from its first row on only; a SELECT writes nothing
_RUNNING = """
SELECT id AS thread, UTC_TIMESTAMP() - INTERVAL greatest(time, 0) SECOND AS since
FROM information_schema.processlist
WHERE command IN ('Query', 'Execute') AND id <> connection_id() AND ltrim(coalesce(info, '')) NOT LIKE 'select%'"""


@dataclass(frozen=True, slots=True)
class Open:
    """One transaction of somebody else, or a statement that may become one.

    Args:
        who: connection and start.
        since: when it began, UTC.
        writes: whether it has changed rows, or is running a statement.
    """

    who: tuple[int, str]
    since: datetime
    writes: bool


def listed(session: MySqlSession) -> list[Open] | None:
    """Return the transactions that are open now; None where they cannot be seen: no right, or a replica.

    The list is as old as somebody else's last look, unless a transaction that we begin now is in it.
    """
    if session.fetch("SELECT @@GLOBAL.read_only AS n")[0]["n"]:
        return None  # a replica: who is writing is known on its primary only
    # asked first: what has ended by then is committed, or an open transaction
    running = [Open((int(row["thread"]), ""), row["since"], False) for row in session.fetch(_RUNNING)]
    session.script("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    session.script("START TRANSACTION WITH CONSISTENT SNAPSHOT")
    try:
        for _ in range(_FRESH_TURNS):
            rows = session.fetch(_OPEN)
            if any(row["own"] for row in rows):
                return running + [
                    Open((int(row["thread"]), str(row["started"])), row["since"], bool(row["writes"]))
                    for row in rows
                    if not row["own"]
                ]
            time.sleep(_TURN_S)
    except SyncError as error:
        if error.code not in _MAY_NOT:
            raise
    finally:
        session.rollback()
    return None


def oldest(found: list[Open]) -> datetime | None:
    """Return what no checkpoint may pass, aware: a little before the oldest open transaction; None where none is."""
    started = [one.since.replace(tzinfo=timezone.utc) for one in found]
    return min(started) - _MARGIN if started else None


def all_ended(session: MySqlSession, found: list[Open]) -> bool:
    """Wait for exactly those who are writing now, at most `WAIT_S`; False where some still are."""
    first = {one.who for one in found if one.writes}
    until = time.monotonic() + WAIT_S
    left = first
    while left and time.monotonic() < until:
        time.sleep(_TURN_S)
        now = session.fetch(_OPEN)
        left = first & {(int(row["thread"]), str(row["started"])) for row in now}
    return not left
