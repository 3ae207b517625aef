"""One load into one SQLite table: staged in the connection's own file or a lasting table, moved under the lock."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from sync_provider.core.contracts import DELETED, ROW, ColumnType, Counters, LoadSpec
from sync_provider.core.errors import DataError
from sync_provider.core.landing.deleting import Deletions
from sync_provider.core.landing.guarding import check_replace
from sync_provider.core.landing.moving import Mover
from sync_provider.core.landing.refused import joined, keys_of, rejected, shown
from sync_provider.core.landing.stage import DELETED_AT, STAGE, Stage, append, metadata_columns, upsert
from sync_provider.core.landing.statements import run_statements
from sync_provider.core.systems import moments
from sync_provider.core.systems.sqlite import cursor
from sync_provider.core.systems.sqlite.dialect import moment_text
from sync_provider.core.systems.sqlite.names import listed, literal, qualified, quote
from sync_provider.core.systems.sqlite.session import SqliteSession
from sync_provider.core.targets.sqlite.catalogue import Table, stage_sql
from sync_provider.core.targets.sqlite.encode import to_stored, to_texts, unstorable

if TYPE_CHECKING:
    import polars as pl

_TIMES = ("timestamp", "timestamptz", "date")
_NUMBERS = ("int16", "int32", "int64", "decimal", "float32", "float64")


class SqliteStage(Stage):
    """A staging table in SQLite."""

    def index_key(self) -> None:
        """Let the target's rows find theirs here: SQLite looks for each of them."""
        if self._spec.deletes:
            lasting = self._spec.stage
            index = qualified(None if lasting else "temp", f"{lasting or STAGE}_key")
            columns = listed(self._spec.primary_key)
            self._session.execute(f"CREATE INDEX IF NOT EXISTS {index} ON {quote(lasting or STAGE)} ({columns})")

    def text(self, column: str) -> str:
        """Return a value as text; bytes as hex."""
        name = quote(column)
        return f"'\\x' || lower(hex({name}))" if self._spec.columns[column].kind == "binary" else super().text(column)

    def comparable(self, column: str, prefix: str = "") -> str:
        """Return a column as it is; times, which others may have stored in another ISO form, in one form."""
        name = prefix + quote(column)
        return cursor.comparable(name) if self._spec.columns[column].kind in _TIMES else name


class SqliteLoad:
    """A `Load` on one open transaction. Nothing of the file is touched before `finish`: others go on writing."""

    def __init__(self, session: SqliteSession, spec: LoadSpec, table: Table) -> None:
        self._session = session
        self._spec = spec
        self._table = table
        self._target = qualified(None, spec.table)
        self._stage = SqliteStage(session, spec, "temp")
        self._written = (ROW, *spec.columns, *([DELETED] if spec.deletes else []))
        marks = ", ".join("?" * len(self._written))
        self._insert = f"INSERT INTO {self._stage.table} VALUES ({marks})"
        if not spec.stage:
            for sql in stage_sql(spec, self._stage.table, table):
                session.script(sql)

    @property
    def warned(self) -> dict[str, int]:
        """Rule → rows that broke a set rule and were kept."""
        return self._stage.warned

    @property
    def notes(self) -> list[str]:
        """What people should be told of the load."""
        return self._stage.notes

    def write(self, frame: pl.DataFrame) -> pl.DataFrame | None:
        """Write rows (LoadSpec.columns + ROW, typed). Returns rows that cannot be stored exactly, or None."""
        whole = frame = frame.select(self._written)
        bad = None
        if faults := unstorable(frame, self._table):
            bad, frame = self._set_aside(frame, faults)
        if self._spec.stage:  # of the file: waits for other writers, as many rows at once cannot
            self._session.execute(f"DELETE FROM {self._stage.table} WHERE false")
        self._session.many(self._insert, to_stored(frame, self._table).iter_rows())
        if bad is not None and self._spec.delete_missing:
            self._session.many(self._insert, to_stored(keys_of(whole, bad, self._spec), self._table).iter_rows())
        return bad

    def finish(self) -> tuple[Counters, pl.DataFrame | None]:
        """Settle set rules, take the write lock, and move what was staged; return counts and rejected rows."""
        stage, spec = self._stage, self._spec
        if not spec.stage:
            stage.decide()  # in the connection's own file: others go on writing
        self._session.execute(f"DELETE FROM {self._target} WHERE false")  # takes the lock before anything is read
        if spec.stage:
            stage.decide()
        run_statements(self._session, spec.table, "pre_sql", spec.pre_sql)
        deleted = self._remove_replaced()
        stage.index_key()
        Deletions(self._session, spec, stage, self._target, self._values()).apply()
        Mover(self._session, spec, stage, self._move, self._reason).move()
        stage.counters.deleted += deleted
        if spec.write == "replace":
            check_replace(spec, stage.counters.inserted, deleted)  # the table may have refused some
        run_statements(self._session, spec.table, "post_sql", spec.post_sql)
        if not spec.stage:
            self._session.script(f"DROP TABLE {stage.table}")
        return stage.counters, joined(stage.rejected)

    def _values(self) -> dict[str, str]:
        """Return what our columns are set to by a delete."""
        run_id, at = self._spec.metadata or ("", datetime.now(timezone.utc))
        moment = literal(moment_text(at))
        values = {"_sync_run_id": literal(run_id), "_synced_at": moment, DELETED_AT: moment}
        return {name: values[name] for name in metadata_columns(self._spec)}

    def _move(self, where: str) -> tuple[int, int]:
        """Move some staged rows; return how many were inserted and how many updated."""
        spec = self._spec
        ours = {**self._values(), **({DELETED_AT: "NULL"} if spec.deletes == "soft" else {})}
        values = "".join(f", {value}" for value in ours.values())
        if spec.write != "merge":
            return self._session.execute(append(spec, self._stage, self._target, values, where)), 0
        fresh = self._stage.fresh(self._target, where)
        moved = self._session.execute(upsert(spec, self._stage, self._target, values, where))
        return fresh, moved - fresh

    def _remove_replaced(self) -> int:
        """Remove rows that this run wrote before, or will have read again, or replaces."""
        spec, gone = self._spec, 0
        if spec.write == "replace":
            held = self._session.fetch(f"SELECT count(*) AS n FROM {self._target}")[0]["n"]
            check_replace(spec, self._stage.arriving(), held)
            return self._session.execute(f"DELETE FROM {self._target}")
        if spec.replace_run is not None and spec.metadata:
            sql = f'DELETE FROM {self._target} WHERE "_sync_run_id" = ?'
            gone += self._session.execute(sql, [spec.replace_run])
        if spec.replace_since is not None:
            column, since = spec.replace_since
            where, values = _bounds(spec.columns[column], quote(column), since, spec)
            gone += self._session.execute(f"DELETE FROM {self._target} WHERE {where}", values)
        return gone

    def _set_aside(
        self, frame: pl.DataFrame, faults: list[tuple[str, str, pl.Series]]
    ) -> tuple[pl.DataFrame | None, pl.DataFrame]:
        """Part the rows that cannot be stored from those that can."""
        left, bad = frame, []
        for column, said, _ in faults:
            mask = next((rows for name, _, rows in unstorable(left, self._table) if name == column), None)
            if mask is None:
                continue  # those rows went with an earlier column
            texts = to_texts(left.filter(mask).drop(ROW))
            rows = [
                {ROW: number, **row}
                for number, row in zip(left.filter(mask)[ROW], texts.iter_rows(named=True), strict=True)
            ]
            reasons = [f"{shown(row, [column], self._spec.columns)}: {said}" for row in rows]
            bad.append(rejected(rows, self._spec.primary_key, f"target({column})", reasons, kind="data"))
            left = left.filter(~mask)
        return joined(bad), left

    def _reason(self, error: DataError) -> tuple[str, str, str]:
        """Return what SQLite said, the column it named, and ''."""
        said = str(error.__cause__ or error.what)
        about = said.partition(": ")[2].replace(f"{self._spec.table}.", "")
        named = [name for name in self._spec.columns if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", about)]
        return said, named[0] if len(named) == 1 else "", ""


def _bounds(column: ColumnType, name: str, since: str | None, spec: LoadSpec) -> tuple[str, list[str]]:
    """Return a WHERE and its values for the cursor range that is replaced."""
    until = spec.replace_until
    if column.kind in (*_TIMES, "text"):  # a cursor that is text holds times, in any ISO form
        terms, values = ([], []) if since is None else ([f"{cursor.comparable(name)} >= ?"], [_moment(since)])
        if until is not None:
            # the last moment included is the one before the next
            values.append(_moment(until, 1 if spec.replace_until_included else 0))
            terms.append(f"{cursor.comparable(name)} < ?")
        return " AND ".join(terms), values
    value = "CAST(? AS NUMERIC)" if column.kind in _NUMBERS else "?"
    terms, values = ([], []) if since is None else ([f"{name} >= {value}"], [since])
    if until is not None:
        values.append(until)
        terms.append(f"{name} {'<=' if spec.replace_until_included else '<'} {value}")
    return " AND ".join(terms), values


def _moment(text: str, later_us: int = 0) -> str:
    """Return a moment as the text that no earlier moment reaches in comparable form."""
    moment = moments.read(text) + timedelta(microseconds=later_us)
    return cursor.shortest(moments.written(moment).removesuffix("+00"))
