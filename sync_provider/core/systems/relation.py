"""What every database source may be asked for: a table, or a query of one's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import BaseModel, ConfigDict, Field, model_validator
from typing_extensions import Self

from sync_provider.core.contracts import ColumnType, Plan
from sync_provider.core.errors import DataError


class RelationOptions(BaseModel):
    """Keys of an interface that reads a database."""

    model_config = ConfigDict(extra="forbid")

    table: str | None = Field(default=None, description="Table or view; the interface's name where it is not given.")
    query: str | None = Field(default=None, description="A SELECT instead of a table.")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if self.table and self.query:
            raise ValueError("give table or query, not both")
        return self


def relation(plan: Plan) -> tuple[str, str]:
    """Return (table, query) of a plan; the query is "" where a table is read."""
    options = plan.source.options
    query = str(options["query"]).rstrip().rstrip(";") if options.get("query") else ""
    return str(options.get("table") or plan.interface), query


def check_carried(plan: Plan, origin: str, columns: Mapping[str, ColumnType], names: Sequence[str], how: str) -> None:
    """Refuse a column of a type that the plan's source could only guess at.

    Args:
        names: columns that will be read.
        how: what a query can do about it.

    Raises:
        DataError: names the column and its type.
    """
    for name in names:
        if columns[name].kind == "other":
            raise DataError(
                f"interface {plan.id!r}: column {name!r} of {origin} is {columns[name].raw}, which source type "
                f"{plan.source.type!r} cannot carry",
                fix=f"use `query:` {how}, or `columns: {{{name}: {{drop: true}}}}`",
            )
