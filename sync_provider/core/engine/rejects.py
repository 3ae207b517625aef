"""Bad rows become rejected rows: which rules they broke, in words, with their values as text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sync_provider.core.contracts import REJECTED, ROW

if TYPE_CHECKING:
    import polars as pl

#: longest value shown in a message
_SHOWN = 80


def empty_rejected() -> pl.DataFrame:
    """Return a REJECTED frame without rows."""
    import polars as pl

    return pl.DataFrame(schema={name: pl.Int64 if name == ROW else pl.String for name in REJECTED})


def concat_rejected(frames: Iterable[pl.DataFrame | None]) -> pl.DataFrame:
    """Put REJECTED frames together, in the order of their rows."""
    import polars as pl

    full = [frame.select(REJECTED) for frame in frames if frame is not None and frame.height]
    return pl.concat(full, how="vertical_relaxed").sort(ROW, maintain_order=True) if full else empty_rejected()


@dataclass(frozen=True, slots=True)
class Break:
    """One thing that is wrong with some rows.

    Args:
        rule: as quarantine shows it.
        columns: keys of `BadRows.shown`, with the names people know them by.
        message: what is said after the values.
        rows: mask over the bad rows.
        kind: data | business.
    """

    rule: str
    columns: Mapping[str, str]
    message: str
    rows: pl.Series
    kind: str = "business"


@dataclass(frozen=True, slots=True)
class BadRows:
    """Rows that broke something.

    Args:
        shown: ROW, and values as text, masked where the plan masks them.
        quoted: columns of `shown` whose values are put in quotes.
        data: name in `data` → column of `shown`.
        key: name in `key` → column of `shown`.
        raw: JSON of the source rows; None where none may be kept.
        origin: file or table they come from.
        shift: number in the file minus ROW; None for tables.
    """

    shown: pl.DataFrame
    quoted: frozenset[str]
    data: Mapping[str, str]
    key: Mapping[str, str]
    raw: pl.Series | None
    origin: str
    shift: int | None


def explain(bad: BadRows, breaks: Sequence[Break]) -> tuple[pl.DataFrame, dict[str, tuple[int, str]]]:
    """Say of each bad row all that is wrong with it.

    Returns:
        A REJECTED frame, and rule → (rows, what is said of the first).
    """
    import polars as pl

    marks = pl.DataFrame([item.rows.alias(f"{index}") for index, item in enumerate(breaks)])
    said = bad.shown.select(_said(item, bad.quoted).alias(f"{index}") for index, item in enumerate(breaks))
    line = pl.concat_str([pl.lit("row "), (pl.col(ROW) + (bad.shift or 0)).cast(pl.String)])
    number = bad.shown.select(line).to_series()
    messages = _joined(marks, [said[f"{index}"] for index in range(len(breaks))], "; ")
    rules = _joined(marks, [pl.repeat(item.rule, bad.shown.height, eager=True) for item in breaks], ", ")
    nothing = pl.repeat(None, bad.shown.height, dtype=pl.String, eager=True)
    frame = pl.DataFrame(
        {
            ROW: bad.shown[ROW],
            "position": _positions(bad),
            "kind": _kinds(breaks, bad.shown.height),
            "rule": rules,
            "message": number + " " + messages,
            "key": _json(bad.shown, bad.key) if bad.key else nothing,
            "data": _json(bad.shown, bad.data),
            "raw": nothing if bad.raw is None else bad.raw,
            "action": pl.repeat("quarantine", bad.shown.height, eager=True),
        }
    )
    return frame.select(REJECTED), _by_rule(breaks, said, number)


def rows_as_json(texts: pl.DataFrame) -> pl.Series:
    """Return each row of a frame of texts as a JSON object."""
    import polars as pl

    return texts.select(pl.struct(pl.all()).struct.json_encode().alias("raw")).to_series()


def _json(shown: pl.DataFrame, names: Mapping[str, str]) -> pl.Series:
    import polars as pl

    return rows_as_json(shown.select(pl.col(column).alias(name) for name, column in names.items()))


def _said(item: Break, quoted: frozenset[str]) -> pl.Expr:
    """`amount='abc' is not decimal(12,2)`; a missing value of the only column is not shown."""
    import polars as pl

    parts = [_named(column, name, column in quoted) for column, name in item.columns.items()]
    values = pl.concat_str(parts, separator=", ")
    if len(item.columns) == 1:
        column, name = next(iter(item.columns.items()))
        values = pl.when(pl.col(column).is_null()).then(pl.lit(name)).otherwise(values)
    return pl.concat_str([values, pl.lit(item.message)], separator=" ")


def _named(column: str, name: str, quoted: bool) -> pl.Expr:
    import polars as pl

    value = pl.col(column)
    for sign, shown in (("\n", "\\n"), ("\r", "\\r"), ("\0", "\\0")):  # PostgreSQL keeps no text with a NUL in it
        value = value.str.replace_all(sign, shown, literal=True)
    cut = pl.when(value.str.len_chars() > _SHOWN).then(value.str.head(_SHOWN) + "…").otherwise(value)
    quote = "'" if quoted else ""
    return pl.lit(f"{name}=") + pl.concat_str([pl.lit(quote), cut, pl.lit(quote)]).fill_null("NULL")


def _joined(marks: pl.DataFrame, texts: Sequence[pl.Series], separator: str) -> pl.Series:
    """Join, for each row, the texts of what it broke; each text once."""
    import polars as pl

    frame = marks.with_columns(text.alias(f"t{index}") for index, text in enumerate(texts))
    chosen = [pl.when(pl.col(f"{index}")).then(pl.col(f"t{index}")) for index in range(len(texts))]
    listed = pl.concat_list(chosen).list.drop_nulls().list.unique(maintain_order=True)
    return frame.select(listed.list.join(separator)).to_series()


def _kinds(breaks: Sequence[Break], height: int) -> pl.Series:
    """A row with anything of kind data is of kind data."""
    import polars as pl

    data = pl.repeat(False, height, eager=True)
    for item in breaks:
        data = data | item.rows if item.kind == "data" else data
    return data.to_frame("data").select(pl.when("data").then(pl.lit("data")).otherwise(pl.lit("business"))).to_series()


def _positions(bad: BadRows) -> pl.Series:
    import polars as pl

    if bad.shift is None:
        return pl.repeat(bad.origin, bad.shown.height, eager=True)
    place = [pl.lit(bad.origin + ":"), (pl.col(ROW) + bad.shift).cast(pl.String)]
    return bad.shown.select(pl.concat_str(place)).to_series()


def _by_rule(breaks: Sequence[Break], said: pl.DataFrame, number: pl.Series) -> dict[str, tuple[int, str]]:
    """Count the rows of each rule once, also where two of its columns are broken in a row."""
    found: dict[str, tuple[int, str]] = {}
    for rule in dict.fromkeys(item.rule for item in breaks):
        own = [(index, item) for index, item in enumerate(breaks) if item.rule == rule]
        mask = own[0][1].rows
        for _, item in own[1:]:
            mask = mask | item.rows
        count = int(mask.sum())
        if count:
            row = mask.arg_max() or 0
            index = next(index for index, item in own if item.rows[row])
            found[rule] = (count, f"{number[row]} {said[f'{index}'][row]}")
    return found
