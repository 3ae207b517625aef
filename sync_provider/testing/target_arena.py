"""What the contract of targets is written with: specs, frames, one whole load, and what a table holds after it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from sync_provider.core.contracts import DELETED, REJECTED, ROW, Counters, LoadSpec, Target, parse_type
from sync_provider.core.contracts.frames import frame_type

if TYPE_CHECKING:
    import polars as pl

#: texts that are lost or changed by careless writers
TRICKY = [
    "plain", "", None, " spaced ", "中文 é 😀", "two\nlines", "two\r\nlines", "lone\rreturn", "tab\t", 'quo"te', "it's",
    "a,b;c|d", "back\\slash", "\\N", "NULL", "null", "\\.", "a\n\\.\nb", "0001", "1e3", "' OR 1=1 --", '""', "𝔘𝔫𝔦",
    "%s $1 ?",
]  # fmt: skip


def make_spec(columns: Mapping[str, str], table: str = "orders", schema: str | None = None, **more: Any) -> LoadSpec:
    """Return a spec; `columns` as in YAML, appending unless `more` says otherwise."""
    types = {name: parse_type(kind) for name, kind in columns.items()}
    return LoadSpec(table, schema, types, **{"write": "append", **more})


def make_frame(spec: LoadSpec, rows: Sequence[Sequence[Any]], first: int = 1) -> pl.DataFrame:
    """Return rows as a typed frame with ROW; the last value of a row is DELETED where the spec applies deletes."""
    import polars as pl

    schema = {name: frame_type(kind) for name, kind in spec.columns.items()}
    schema |= {DELETED: pl.Boolean()} if spec.deletes else {}
    frame = pl.DataFrame([list(row) for row in rows], schema=schema, orient="row")
    return frame.with_columns(pl.int_range(first, first + len(rows), dtype=pl.Int64).alias(ROW))


def stored(target: Target, spec: LoadSpec, *columns: str) -> list[tuple[Any, ...]]:
    """Return what the table holds, in the order of the named columns (default: all of the spec)."""
    names = columns or tuple(spec.columns)
    picked = [sa.column(name) for name in names]
    session = target.session()
    try:
        rows = session.rows(sa.select(*picked).select_from(sa.table(spec.table, schema=spec.schema)))
    finally:
        session.close()
    return sorted((tuple(row[name] for name in names) for row in rows), key=repr)


class TargetArena:
    """What the tests of a target share.

    Args:
        schema: where tables are made; None = the default.
        folds_case: whether names that differ in case only are the same.
        infinity: whether a float may be infinite.
        described: kind of a created column → kind it is described as, where the system has no type of its own.
    """

    schema: str | None = None
    folds_case = False
    infinity = True
    described: Mapping[str, str] = MappingProxyType({})
    #: what the last load wants people to be told
    notes: Sequence[str] = ()

    def spec(self, columns: Mapping[str, str], **more: Any) -> LoadSpec:
        """Return a spec in this contract's schema."""
        return make_spec(columns, schema=self.schema, **more)

    def create(self, target: Target, spec: LoadSpec) -> None:
        """Create the table, twice: that must be safe."""
        session = target.session()
        for sql in [*target.create_sql(spec), *target.create_sql(spec)]:
            session.script(sql)
        session.close()

    def load(
        self, target: Target, spec: LoadSpec, *batches: Sequence[Sequence[Any]], commit: bool = True
    ) -> tuple[Counters, pl.DataFrame, Mapping[str, int]]:
        """Run one load and return its counters with `read` and `rejected`, its rejected rows, and who was warned."""
        import polars as pl

        session = target.session()
        try:
            session.begin()
            load = target.load(session, spec)
            bad, read, seen = [], 0, 0
            for rows in batches:
                bad.append(load.write(make_frame(spec, rows, read + 1)))
                read += len(rows)
                seen += sum(bool(spec.deletes) and row[-1] is None for row in rows)
            counters, more = load.finish()
            self.notes = load.notes
            session.commit() if commit else session.rollback()
        finally:
            session.close()
        frames = [frame for frame in (*bad, more) if frame is not None]
        rejected = pl.concat(frames) if frames else pl.DataFrame(schema=dict.fromkeys(REJECTED, pl.String))
        assert tuple(rejected.columns) == REJECTED
        counters.read, counters.rejected = read - seen, rejected.height
        assert counters.leak() == 0, counters
        assert counters.inserted + counters.updated + counters.unchanged + counters.removed == counters.loaded
        return counters, rejected, load.warned
