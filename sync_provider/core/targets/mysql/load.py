"""One load into one MySQL table: straight, or through a staging table where set rules are settled."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import datetime, timezone
from decimal import Decimal
from typing import TYPE_CHECKING

from sync_provider.core.contracts import Counters, LoadSpec
from sync_provider.core.errors import DataError
from sync_provider.core.landing.guarding import check_replace
from sync_provider.core.landing.moving import Mover
from sync_provider.core.landing.refused import joined, keys_of
from sync_provider.core.landing.stage import DELETED_AT, append, metadata_columns
from sync_provider.core.systems import moments
from sync_provider.core.systems.mysql.errors import message_of
from sync_provider.core.systems.mysql.names import literal
from sync_provider.core.systems.mysql.session import MySqlSession
from sync_provider.core.systems.names import qualified, quote
from sync_provider.core.targets.mysql.catalogue import Table, stage_sql
from sync_provider.core.targets.mysql.deleting import MySqlDeletions
from sync_provider.core.targets.mysql.replacing import Replacing
from sync_provider.core.targets.mysql.sending import Reason, Sender, reason_of
from sync_provider.core.targets.mysql.staging import MySqlStage, insert_sql, update_sql
from sync_provider.core.targets.mysql.statements import check_statements, check_swapped, run_own

if TYPE_CHECKING:
    import polars as pl

_TIMES = ("timestamp", "timestamptz", "date", "text")


class MySqlLoad:
    """A `Load` on one open transaction.

    Args:
        database: where temporary tables are made.
        infile: whether LOAD DATA LOCAL may be used.
        beside: opens another connection.
    """

    def __init__(
        self,
        session: MySqlSession,
        spec: LoadSpec,
        table: Table,
        *,
        database: str,
        infile: bool,
        beside: Callable[[], MySqlSession],
    ) -> None:
        self._session = session
        self._beside = beside
        self._spec = spec
        self._target = qualified(spec.schema, spec.table)
        self._stage = MySqlStage(session, spec, database, table)
        self._deleted = 0
        self._replacing = Replacing(session, spec) if spec.write == "replace" else None
        if not infile:
            self._stage.notes.append("local_infile is off on the server or in the connection: rows went by INSERT")
        for key, statements in (("pre_sql", spec.pre_sql), ("post_sql", spec.post_sql)):
            check_statements(spec.table, key, statements)
        if spec.swap:
            check_swapped(spec.table, spec.post_sql)
        if spec.staged and not spec.stage:
            session.script(f"{self._stage.drop} IF EXISTS {self._stage.table}")
            session.script(f"CREATE TEMPORARY TABLE {stage_sql(spec, self._stage.table, table)}")
        elif not spec.staged:
            run_own(session, spec.table, "pre_sql", spec.pre_sql)
            self._remove_replaced()
        into = self._stage.table if spec.staged else self._target
        self._sender = Sender(session, spec, table, into, staged=spec.staged, infile=infile)

    @property
    def warned(self) -> dict[str, int]:
        """Rule → rows that broke a set rule and were kept."""
        return self._stage.warned

    @property
    def notes(self) -> list[str]:
        """What people should be told of the load."""
        return self._stage.notes

    def write(self, frame: pl.DataFrame) -> pl.DataFrame | None:
        """Write rows (LoadSpec.columns + ROW, typed). Returns rows the server refused as a REJECTED frame, or None."""
        bad = self._sender.write(frame)
        if bad is not None and self._spec.delete_missing:
            self._sender.write(keys_of(frame, bad, self._spec))
        return bad

    def finish(self) -> tuple[Counters, pl.DataFrame | None]:
        """Settle set rules and move what was staged into the target; return counts and rejected rows."""
        spec, stage, session = self._spec, self._stage, self._session
        if not spec.staged:
            run_own(session, spec.table, "post_sql", spec.post_sql)
            rows = self._sender.rows
            return Counters(loaded=rows, inserted=rows, deleted=self._deleted), None
        run_own(session, spec.table, "pre_sql", spec.pre_sql)
        self._remove_replaced()
        stage.decide()
        if self._replacing is not None:
            with contextlib.closing(self._beside()) as beside:
                self._target, self._deleted = self._replacing.begin(stage.arriving(), beside)
        MySqlDeletions(session, spec, stage, self._target, self._ours()).apply()
        Mover(session, spec, stage, self._move, self._reason).move()
        stage.counters.deleted += self._deleted
        if self._replacing is not None:
            check_replace(spec, stage.counters.inserted, self._deleted)  # the server may have refused some
            self._replacing.end()
        run_own(session, spec.table, "post_sql", spec.post_sql)
        if not spec.stage:
            session.script(f"{stage.drop} {stage.table}")
        return stage.counters, joined(stage.rejected)

    def _ours(self) -> dict[str, str]:
        """Return our columns and what they are set to by a delete."""
        run_id, at = self._spec.metadata or ("", datetime.now(timezone.utc))
        moment = _moment(at.isoformat())
        values = {"_sync_run_id": literal(run_id), "_synced_at": moment, DELETED_AT: moment}
        return {name: values[name] for name in metadata_columns(self._spec)}

    def _move(self, where: str) -> tuple[int, int]:
        """Move some staged rows; return how many were inserted and how many updated."""
        spec, stage = self._spec, self._stage
        ours = {**self._ours(), **({DELETED_AT: "NULL"} if spec.deletes == "soft" else {})}
        if spec.write != "merge":
            values = "".join(f", {value}" for value in ours.values())
            return self._session.execute(append(spec, stage, self._target, values, where)), 0
        # not ON DUPLICATE KEY UPDATE: a row that shares another unique key would change that other row
        change = update_sql(spec, stage, self._target, ours, where)
        updated = self._session.execute(change) if change else 0
        return self._session.execute(insert_sql(spec, stage, self._target, ours, where)), updated

    def _reason(self, error: DataError) -> Reason:
        return reason_of(message_of(error.__cause__ or error), list(self._spec.columns))

    def _remove_replaced(self) -> None:
        """Remove rows that this run wrote before, or will read again."""
        spec = self._spec
        if spec.replace_run is not None and spec.metadata:
            where = f"{quote('_sync_run_id')} = {literal(spec.replace_run)}"
            self._deleted += self._session.execute(f"DELETE FROM {self._target} WHERE {where}")
        if spec.replace_since is not None:
            column, since = spec.replace_since
            bound = _moment if spec.columns[column].kind in _TIMES else _number
            terms = [] if since is None else [f"{quote(column)} >= {bound(since)}"]
            if spec.replace_until is not None:
                until = "<=" if spec.replace_until_included else "<"
                terms.append(f"{quote(column)} {until} {bound(spec.replace_until)}")
            self._deleted += self._session.execute(f"DELETE FROM {self._target} WHERE {' AND '.join(terms)}")


def _number(text: str) -> str:
    """Return a number as such: as a text it would be compared as a float, and be one near it."""
    return str(Decimal(text))


def _moment(text: str) -> str:
    """Return a time as MySQL reads it: one with an offset in UTC, as the session is."""
    return literal(moments.written(moments.read(text)).removesuffix("+00"))
