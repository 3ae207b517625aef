"""Who is still writing in PostgreSQL: how far a checkpoint may go without leaving late commits behind."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sync_provider.core.errors import SyncError
from sync_provider.core.systems.postgres.names import literal

if TYPE_CHECKING:
    from sync_provider.core.systems.postgres.session import PgSession

#: how long a run by key waits for those who were writing when its upper bound was fixed
WAIT_S = 3.0
_TURN_S = 0.1
#: a temporary view may not be made: no right to, or a standby
_NO_TEMP = ("42501", "25006")

#: a transaction is listed a moment after its clock stood still, and people cut times to whole seconds
_OPEN = """
SELECT least(min(a.xact_start), now()) - interval '1 second' AS settled,
       pg_has_role('pg_read_all_stats', 'USAGE') AND current_setting('track_activities')::boolean
         AND coalesce(bool_and(a.state <> 'disabled'), true) AND NOT pg_is_in_recovery() AS seen,
       EXISTS (SELECT 1 FROM pg_prepared_xacts p WHERE p.database = current_database()) AS prepared
FROM pg_stat_activity a
WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() AND a.backend_type <> 'autovacuum worker'"""

#: the table or view, its partitions and children, and what a view reads
_RELATIONS = """
WITH RECURSIVE part AS (
  SELECT {relation}::regclass::oid AS oid
  UNION
  SELECT e.child FROM part JOIN (
    SELECT inhparent AS parent, inhrelid AS child FROM pg_inherits
    UNION ALL
    SELECT r.ev_class, d.refobjid FROM pg_rewrite r JOIN pg_depend d ON d.objid = r.oid
    WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> r.ev_class
  ) e ON e.parent = part.oid
), feeding AS (
  SELECT d.objid AS oid FROM pg_depend d JOIN part ON part.oid = d.refobjid
  WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
  UNION
  SELECT d.refobjid FROM pg_attrdef f JOIN part ON part.oid = f.adrelid JOIN pg_depend d ON d.objid = f.oid
  WHERE d.classid = 'pg_attrdef'::regclass AND d.refclassid = 'pg_class'::regclass
)
SELECT part.oid::bigint AS oid, NULL AS hoards FROM part
UNION ALL
SELECT s.seqrelid::bigint, CASE WHEN s.seqcache > 1 THEN s.seqrelid::regclass::text END
FROM pg_sequence s JOIN feeding ON feeding.oid = s.seqrelid"""

_HOLDERS = """
SELECT DISTINCT l.virtualtransaction AS holder FROM pg_locks l
WHERE l.locktype = 'relation' AND l.granted AND l.pid IS DISTINCT FROM pg_backend_pid()
  AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
  AND l.mode IN ('RowExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
  AND l.relation = ANY (ARRAY[{oids}]::oid[])"""


@dataclass(frozen=True, slots=True)
class Watched:
    """What writers of a relation lock until they end.

    Args:
        oids: tables and the sequences that feed them; none where that cannot be told.
        hoards: sequences with CACHE > 1, whose numbers may come late without any lock.
        standby: whether this is one: the writers are on another server, out of sight.
    """

    oids: tuple[int, ...]
    hoards: tuple[str, ...] = ()
    standby: bool = False

    @property
    def blind(self) -> bool:
        """Whether writers cannot be seen at all."""
        return self.standby or not self.oids


def open_since(session: PgSession, kind: str, zone: str, newest: str, twice_since: str | None) -> OpenSince:
    """Tell up to where every row is there, as the cursor's own type.

    Must be asked after `newest` was: who begins later than that writes later times.

    Args:
        kind: date | timestamp | timestamptz.
        zone: of naive times.
        newest: the greatest cursor value.
        twice_since: no checkpoint may pass this moment either; see `moments.repeated_since`.
    """
    moment = "o.settled" if kind == "timestamptz" else f"(o.settled AT TIME ZONE {literal(zone)})"
    ends = f"least({moment}, {literal(twice_since)}::timestamp)" if twice_since else moment
    bound = f"CASE WHEN {ends}::{kind} < {literal(newest)}::{kind} THEN ({ends}::{kind})::text END"
    row = session.fetch(f"SELECT o.seen, o.prepared, {bound} AS bound FROM ({_OPEN}) AS o")[0]
    return OpenSince(bool(row["seen"]), bool(row["prepared"]), row["bound"])


@dataclass(frozen=True, slots=True)
class OpenSince:
    """How far back transactions are open.

    Args:
        seen: whether we may see those of other logins.
        prepared: whether a transaction is prepared, which tells nobody when it began.
        bound: cursor value no checkpoint may pass; None = the newest may be it.
    """

    seen: bool
    prepared: bool
    bound: str | None


def watched(session: PgSession, relation: str, query: str) -> Watched:
    """Find what writers of a table, a view or a query lock.

    Args:
        relation: the table's name, quoted for SQL, as a literal; '' where `query` is read.
    """
    standby = bool(session.fetch("SELECT pg_is_in_recovery() AS standby")[0]["standby"])
    if not query:
        return _watched(session, relation, standby)
    try:
        session.begin()
        session.script(f"CREATE TEMPORARY VIEW _sync_writers AS {query}\n")
        return _watched(session, literal("_sync_writers"), standby)
    except SyncError as error:
        if error.code not in _NO_TEMP:
            raise
        return Watched((), (), standby)
    finally:
        session.rollback()


def _watched(session: PgSession, relation: str, standby: bool) -> Watched:
    rows = session.fetch(_RELATIONS.format(relation=relation))
    hoards = tuple(str(row["hoards"]) for row in rows if row["hoards"] is not None)
    return Watched(tuple(int(row["oid"]) for row in rows), hoards, standby)


def all_ended(session: PgSession, oids: Sequence[int]) -> bool:
    """Wait for exactly those who are writing now, at most `WAIT_S`; False where some still are.

    A transaction that is prepared meanwhile goes on under another name: any that is prepared counts.
    """
    sql = _HOLDERS.format(oids=", ".join(map(str, oids)))
    first = {row["holder"] for row in session.fetch(sql)}
    until = time.monotonic() + WAIT_S
    left = first
    while left and time.monotonic() < until:
        time.sleep(_TURN_S)
        now = {row["holder"] for row in session.fetch(sql)}
        left = {holder for holder in now if holder in first or holder.startswith("-1/")}
    return not left
