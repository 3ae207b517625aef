"""One load into one PostgreSQL table: straight by COPY, or through a staging table where set rules are settled."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from sync_provider.core.contracts import Counters, LoadSpec
from sync_provider.core.errors import DataError
from sync_provider.core.landing.deleting import Deletions
from sync_provider.core.landing.guarding import check_replace
from sync_provider.core.landing.moving import Mover
from sync_provider.core.landing.refused import joined, keys_of
from sync_provider.core.landing.stage import DELETED_AT, STAGE, Stage, append, metadata_columns, upsert
from sync_provider.core.landing.statements import run_statements
from sync_provider.core.systems.postgres.names import literal, qualified, quote
from sync_provider.core.systems.postgres.session import PgSession
from sync_provider.core.systems.postgres.types import table_columns
from sync_provider.core.targets.postgres.catalogue import check_table, stage_sql
from sync_provider.core.targets.postgres.copying import Copier, said_of
from sync_provider.core.targets.postgres.replacing import Replacing

if TYPE_CHECKING:
    import polars as pl

#: kind of a cursor → what its bounds are compared as
_COMPARED = {"timestamptz": "timestamptz", "decimal": "numeric", **dict.fromkeys(("int16", "int32", "int64"), "bigint")}
#: staged rows from which the planner is told their numbers
_ANALYZE_ROWS = 10_000


class PgStage(Stage):
    """A staging table in PostgreSQL."""

    def comparable(self, column: str, prefix: str = "") -> str:
        """Return a column as it is; `json` has no order and no equality but that of its text."""
        name = prefix + quote(column)
        return f"CAST({name} AS TEXT)" if self._spec.columns[column].kind == "json" else name


class PostgresLoad:
    """A `Load` on one open transaction."""

    def __init__(self, session: PgSession, spec: LoadSpec) -> None:
        self._session = session
        self._spec = spec
        self._target = qualified(spec.schema, spec.table)
        self._kind = check_table(session, spec)
        self._stage = PgStage(session, spec, "pg_temp")
        self._deleted = 0
        self._replacing = Replacing(session, spec, self._kind) if spec.write == "replace" else None
        if spec.stage:
            self._copier = Copier(session, spec, spec.stage, spec.stage_schema, staged=True)
        elif spec.staged:
            have = table_columns(session, spec.schema, spec.table) or {}
            for sql in stage_sql(spec, self._stage.table, self._target, have):
                session.script(sql)
            self._copier = Copier(session, spec, STAGE, "pg_temp", staged=True)
        else:
            run_statements(session, spec.table, "pre_sql", spec.pre_sql)
            self._remove_replaced()
            self._copier = Copier(session, spec, spec.table, spec.schema, staged=False)

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
        bad = self._copier.write(frame)
        if bad is not None and self._spec.delete_missing:
            self._copier.write(keys_of(frame, bad, self._spec))
        return bad

    def finish(self) -> tuple[Counters, pl.DataFrame | None]:
        """Settle set rules and move what was staged into the target; return counts and rejected rows."""
        spec, stage = self._spec, self._stage
        if not spec.staged:
            run_statements(self._session, spec.table, "post_sql", spec.post_sql)
            rows = self._copier.rows
            return Counters(loaded=rows, inserted=rows, deleted=self._deleted), None
        if self._copier.rows >= _ANALYZE_ROWS or spec.stage:
            self._session.script(f"ANALYZE {stage.table}")
        run_statements(self._session, spec.table, "pre_sql", spec.pre_sql)
        self._remove_replaced()
        stage.decide()
        if self._replacing is not None:
            self._target, self._deleted = self._replacing.begin(stage.arriving())
        Deletions(self._session, spec, stage, self._target, self._values()).apply()
        Mover(self._session, spec, stage, self._move, self._reason).move()
        stage.counters.deleted += self._deleted
        if self._replacing is not None:
            check_replace(spec, stage.counters.inserted, self._deleted)  # the server may have refused some
            self._replacing.end()
        run_statements(self._session, spec.table, "post_sql", spec.post_sql)
        if not spec.stage:
            self._session.script(f"DROP TABLE {stage.table}")
        return stage.counters, joined(stage.rejected)

    def _values(self) -> dict[str, str]:
        """Return what our columns are set to by a delete."""
        run_id, at = self._spec.metadata or ("", datetime.now(timezone.utc))
        moment = literal(at.isoformat())
        values = {"_sync_run_id": literal(run_id), "_synced_at": moment, DELETED_AT: moment}
        return {name: values[name] for name in metadata_columns(self._spec)}

    def _move(self, where: str) -> tuple[int, int]:
        """Move some staged rows; return how many were inserted and how many updated."""
        spec, stage = self._spec, self._stage
        ours = {**self._values(), **({DELETED_AT: "NULL"} if spec.deletes == "soft" else {})}
        values = "".join(f", {value}" for value in ours.values())
        if spec.write != "merge":
            return self._session.execute(append(spec, stage, self._target, values, where)), 0
        sql = upsert(spec, stage, self._target, values, where)
        if self._kind != "r":  # rows of a partitioned table do not tell whether they are new
            fresh = stage.fresh(self._target, where)
            return fresh, self._session.execute(sql) - fresh
        told = f'{sql} RETURNING ("__t".xmax = 0) AS fresh'
        counted = "count(*) FILTER (WHERE fresh) AS inserted, count(*) FILTER (WHERE NOT fresh) AS updated"
        row = self._session.fetch(f"WITH moved AS ({told}) SELECT {counted} FROM moved")[0]
        return row["inserted"], row["updated"]

    def _reason(self, error: DataError) -> tuple[str, str, str]:
        return said_of(error, list(self._spec.columns))

    def _remove_replaced(self) -> None:
        """Remove rows that this run wrote before, or will read again."""
        spec = self._spec
        if spec.replace_run is not None and spec.metadata:
            where = f"{quote('_sync_run_id')} = {literal(spec.replace_run)}"
            self._deleted += self._session.execute(f"DELETE FROM {self._target} WHERE {where}")
        if spec.replace_since is not None:
            column, since = spec.replace_since
            # a bare literal would become a date where the column is one, and lose its time of day
            kind = _COMPARED.get(spec.columns[column].kind, "timestamp")
            terms = [] if since is None else [f"{quote(column)} >= {literal(since)}::{kind}"]
            if spec.replace_until is not None:
                until = "<=" if spec.replace_until_included else "<"
                terms.append(f"{quote(column)} {until} {literal(spec.replace_until)}::{kind}")
            self._deleted += self._session.execute(f"DELETE FROM {self._target} WHERE {' AND '.join(terms)}")
