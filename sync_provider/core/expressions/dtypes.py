"""The types of the parts of an expression, found by evaluating each on no rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sync_provider.core.contracts.frames import row_type
from sync_provider.core.contracts.types import ColumnType
from sync_provider.core.expressions.written import sql

if TYPE_CHECKING:
    import polars as pl

#: signed, bits
_WHOLE = {
    "Int8": (True, 8), "Int16": (True, 16), "Int32": (True, 32), "Int64": (True, 64), "UInt8": (False, 8),
    "UInt16": (False, 16), "UInt32": (False, 32), "UInt64": (False, 64), "Int128": (True, 128),
}  # fmt: skip


class Dtypes:
    """What polars makes of the parts of one expression.

    Args:
        text: the expression, for errors.
        types: the columns there are; in the frame they are of `row_type`.
    """

    def __init__(self, text: str, types: Mapping[str, ColumnType]) -> None:
        import polars as pl

        self._text = text
        self._empty = pl.DataFrame(schema={name: row_type(kind) for name, kind in types.items()})
        self._found: dict[str, pl.DataType] = {}

    def expr(self, node: Any) -> pl.Expr:
        """Return a part as polars evaluates it. Raises ValueError."""
        import polars as pl

        try:
            return pl.sql_expr(sql(node))
        except pl.exceptions.PolarsError as error:
            raise ValueError(f"{self._text!r}: {_first_line(error)}") from error

    def of(self, node: Any) -> pl.DataType:
        """Return the type of a part. Raises ValueError where its own parts do not fit together."""
        import polars as pl

        if type(node).__name__ == "Interval":  # one of months has a meaning only beside a date
            return pl.Duration("us")
        text = sql(node)
        if text not in self._found:
            try:
                self._found[text] = self._empty.select(self.expr(node).alias("value")).schema["value"]
            except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
                raise ValueError(f"{self._text!r}: {_first_line(error)}") from error
        return self._found[text]

    def first(self, node: Any) -> Any:
        """Return the value of a part that reads no column."""
        import polars as pl

        return pl.select(self.expr(node)).item()

    def whole(self, node: Any) -> str:
        """Return `bigint` or another true text where a part is a whole number, else an empty one."""
        name = str(self.of(node))
        return {"Int64": "bigint", "Int128": "int128"}.get(name, name if name in _WHOLE else "")

    def largest(self, node: Any) -> int:
        """Return the largest magnitude a whole number of that type has."""
        signed, bits = _WHOLE[str(self.of(node))]
        return 1 << (bits - 1 if signed else bits)

    def is_float(self, node: Any) -> bool:
        """Whether a part is a float."""
        return str(self.of(node)) in ("Float32", "Float64")


def _first_line(error: BaseException) -> str:
    return str(error).strip().split("\n")[0].rstrip(":")
