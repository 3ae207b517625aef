"""Frames → values as SQLite stores them, and the values it cannot store exactly."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync_provider.core.contracts import ROW
from sync_provider.core.targets.sqlite.catalogue import EXACT_DIGITS, Table

if TYPE_CHECKING:
    import polars as pl

_DAY = "%Y-%m-%d"
_CLOCK = "%H:%M:%S%.6f"


def to_stored(frame: pl.DataFrame, table: Table) -> pl.DataFrame:
    """Return ROW and the columns as what is bound: text of fixed width for times, 0 and 1, exact text of decimals."""
    return frame.select(ROW, *(_stored(name, kind, table) for name, kind in frame.schema.items() if name != ROW))


def to_texts(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the values as texts, as people read them."""
    import polars as pl

    return frame.select(
        pl.concat_str(pl.lit("\\x"), pl.col(name).bin.encode("hex")) if kind == pl.Binary else pl.col(name)
        for name, kind in frame.schema.items()
    ).cast(pl.String)


def unstorable(frame: pl.DataFrame, table: Table) -> list[tuple[str, str, pl.Series]]:
    """Return (column, what SQLite would do, which rows) of values that would change or vanish."""
    found = []
    for name, kind in frame.schema.items():
        if name != ROW and (test := _fault(name, kind, table)) is not None:
            said, mask = test
            rows = frame.select(mask.fill_null(False)).to_series().rename(name)
            if rows.any():
                found.append((name, said, rows))
    return found


def _stored(name: str, kind: pl.DataType, table: Table) -> pl.Expr:
    import polars as pl

    column = pl.col(name)
    if kind == pl.Boolean:
        return column.cast(pl.Int8)
    if kind == pl.Date:
        return column.dt.strftime(_DAY)
    if kind == pl.Time:
        return column.dt.strftime(_CLOCK)
    if isinstance(kind, pl.Datetime):
        text = column.dt.strftime(f"{_DAY} {_CLOCK}")
        return text if kind.time_zone is None else pl.concat_str(text, pl.lit("+00:00"))
    if isinstance(kind, pl.Decimal):
        text = column.cast(pl.String)
        return text if table.affinities[name] == "TEXT" or not kind.scale else text.str.replace(r"\.?0+$", "")
    return column


def _fault(name: str, kind: pl.DataType, table: Table) -> tuple[str, pl.Expr] | None:
    import polars as pl

    column = pl.col(name)
    if kind in (pl.Float32, pl.Float64):
        return "SQLite stores not-a-number as NULL", column.is_nan()
    if kind == pl.Date or isinstance(kind, pl.Datetime):
        return "SQLite cannot order years beyond 9999", ~column.dt.year().is_between(0, 9999)
    if isinstance(kind, pl.Decimal) and table.affinities[name] != "TEXT":
        text = _stored(name, kind, table)
        digits = text.str.replace_all(r"[-.]", "").str.strip_chars_start("0").str.len_chars()
        whole = ~text.str.contains(".", literal=True)
        return (
            f"SQLite keeps {EXACT_DIGITS} digits in a numeric column",
            pl.when(whole).then(digits > 18).otherwise(digits > EXACT_DIGITS),
        )
    return None
