"""A parsed row expression: made into polars once the columns' types are known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sync_provider.core.contracts.types import ColumnType
from sync_provider.core.expressions.dtypes import Dtypes
from sync_provider.core.expressions.exact import Exact, Guard
from sync_provider.core.expressions.kinds import check
from sync_provider.core.expressions.names import unknown_name
from sync_provider.core.expressions.written import call, tree

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, slots=True)
class Compiled:
    """An expression over columns of known types.

    Args:
        value: what it gives; whole numbers may be wider than `result`, so that none turns over: cast them strictly.
        result: the type of the values it gives.
        guards: tell the rows on which it has no answer; there `value` is whatever.
    """

    value: pl.Expr
    result: ColumnType
    guards: tuple[Guard, ...]


@dataclass(frozen=True, slots=True)
class Expression:
    """A row expression, checked but for the types of its columns. Made by `parse`.

    Args:
        text: as written.
        columns: names it reads, in order.
    """

    text: str
    columns: tuple[str, ...]

    def compile(self, types: Mapping[str, ColumnType], typed: bool = True) -> Compiled:
        """Return the polars expression, its type and its guards.

        Args:
            types: the columns there are; in the frame they must be of `row_type`.
            typed: false in a filter, where no `type:` under `columns:` has a say yet.

        Raises:
            ValueError: a column is unknown, or types do not fit together.
        """
        for name in self.columns:
            if name not in types:
                place = f" at character {self.text.find(name) + 1}"
                raise ValueError(unknown_name("column", name, types, place))
        return _compiled(self.text, tuple((name, types[name]) for name in self.columns), typed)

    def condition(self, types: Mapping[str, ColumnType], typed: bool = True) -> Compiled:
        """Return the compiled condition. Raises ValueError as `compile` does, and where it is not true or false."""
        made = self.compile(types, typed)
        if made.result.kind != "boolean" and made.result != _NOTHING:
            raise ValueError(f"{self.text!r} gives {made.result}, not true or false\n  fix: write a comparison")
        return made


@lru_cache(maxsize=1024)
def _compiled(text: str, columns: tuple[tuple[str, ColumnType], ...], typed: bool) -> Compiled:
    types = dict(columns)
    lenient, dtypes = _lenient(tree(text)), Dtypes(text, types)
    check(lenient, types, dtypes, typed)
    result = _column_type(dtypes.of(lenient), text)
    exact = Exact(text, dtypes)
    value = dtypes.expr(exact.rewrite(lenient))
    return Compiled(value, result, tuple(exact.guards))


def _lenient(root: Any) -> Any:
    """Make every cast one that stops no batch, and spell alike what means the same."""
    from sqlglot import expressions as nodes

    def changed(node: Any) -> Any:
        if isinstance(node, nodes.Cast) and not isinstance(node, nodes.TryCast):
            if node.this.is_string and node.to.sql() in ("DATE", "TIME", "TIMESTAMP", "TIMESTAMPTZ"):
                return node
            made = nodes.TryCast(this=node.this, to=node.to)
            made.meta["strict"] = True
            return made
        if isinstance(node, nodes.If) and not isinstance(node.parent, nodes.Case):
            return nodes.Case(ifs=[nodes.If(this=node.this, true=node.args["true"])], default=node.args.get("false"))
        if call(node) in ("power", "pow"):
            double = [nodes.Cast(this=item, to=nodes.DataType.build("double")) for item in node.expressions]
            return nodes.Anonymous(this=node.this, expressions=double)
        return node

    return root.transform(changed)


_NOTHING = ColumnType("text", raw="null")


def _column_type(dtype: pl.DataType, text: str) -> ColumnType:
    import polars as pl

    if isinstance(dtype, pl.Decimal):
        return ColumnType("decimal", precision=dtype.precision, scale=dtype.scale)
    if isinstance(dtype, pl.Datetime):
        return ColumnType("timestamptz" if dtype.time_zone else "timestamp")
    if dtype == pl.Null():
        return _NOTHING
    kind = _KINDS.get(str(dtype))
    if kind is None:
        raise ValueError(f"{text!r} gives {dtype}, which no column can hold\n  fix: cast it to a column type")
    return ColumnType(kind)


_KINDS = {
    "String": "text", "Boolean": "boolean", "Date": "date", "Time": "time", "Binary": "binary",
    "Int8": "int16", "Int16": "int16", "Int32": "int32", "Int64": "int64", "UInt8": "int16", "UInt16": "int32",
    "UInt32": "int64", "Float32": "float32", "Float64": "float64",
}  # fmt: skip
