"""Rows a target sets aside, as a REJECTED frame: refused by the server, or by a rule about the whole run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sync_provider.core.contracts import DELETED, REJECTED, ROW, ColumnType, LoadSpec

if TYPE_CHECKING:
    import polars as pl

#: longest value shown in a message
_SHOWN = 80
_BARE = ("int16", "int32", "int64", "decimal", "float32", "float64", "boolean")


def rejected(
    rows: Sequence[Mapping[str, Any]],
    key: Sequence[str],
    rule: str | Sequence[str],
    said: Sequence[str],
    *,
    kind: str = "business",
) -> pl.DataFrame | None:
    """Return rows as a REJECTED frame, or None where there are none.

    Args:
        rows: ROW and every target column as text.
        key: columns of the primary key.
        rule: which rule each breaks, or one for all.
        said: for each row, what is wrong with it, without its number.
        kind: data | business.
    """
    import polars as pl

    if not rows:
        return None
    names = [name for name in rows[0] if name != ROW]
    texts = pl.DataFrame([dict(row) for row in rows], schema={ROW: pl.Int64, **dict.fromkeys(names, pl.String)})
    nothing = pl.lit(None, dtype=pl.String)
    frame = texts.select(
        pl.col(ROW),
        nothing.alias("position"),
        pl.lit(kind).alias("kind"),
        (pl.lit(rule) if isinstance(rule, str) else pl.Series(rule, dtype=pl.String)).alias("rule"),
        (pl.lit("row ") + pl.col(ROW).cast(pl.String) + " " + pl.Series(said, dtype=pl.String)).alias("message"),
        (_json(key) if key else nothing).alias("key"),
        _json(names).alias("data"),
        nothing.alias("raw"),
        pl.lit("quarantine").alias("action"),
    )
    return frame.select(REJECTED)


def shown(row: Mapping[str, Any], columns: Iterable[str], types: Mapping[str, ColumnType]) -> str:
    """Return `id=5, name='abc'` of a row of texts, each value cut to a readable length."""
    return ", ".join(f"{name}={_value(row[name], types[name])}" for name in columns)


def joined(frames: Iterable[pl.DataFrame | None]) -> pl.DataFrame | None:
    """Put REJECTED frames together, in the order of their rows; None where there are none."""
    import polars as pl

    full = [frame for frame in frames if frame is not None]
    return pl.concat(full).sort(ROW, maintain_order=True) if full else None


def keys_of(frame: pl.DataFrame, bad: pl.DataFrame, spec: LoadSpec) -> pl.DataFrame:
    """Return of some refused rows what is staged all the same: their keys, so that they do not count as missing."""
    import polars as pl

    rows = frame.filter(pl.col(ROW).is_in(bad[ROW].implode()))
    rest = [name for name in spec.columns if name not in spec.primary_key]
    emptied = [pl.lit(None, dtype=frame.schema[name]).alias(name) for name in (*rest, DELETED)]
    return rows.with_columns(emptied)


def _value(text: str | None, column: ColumnType) -> str:
    if text is None:
        return "NULL"
    cut = text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
    cut = cut.replace("\r", "\\r").replace("\n", "\\n").replace("\0", "\\0")
    return cut if column.kind in _BARE else f"'{cut}'"


def _json(names: Sequence[str]) -> pl.Expr:
    import polars as pl

    return pl.struct(*names).struct.json_encode()
