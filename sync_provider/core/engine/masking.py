"""`mask:` compiled: no clear value of a masked column leaves the stages, in good rows, bad rows or messages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sync_provider.core import registry
from sync_provider.core.contracts import ColumnType, Mask, MaskPlan
from sync_provider.core.expressions import unknown_name
from sync_provider.core.transforms.mapping import ColumnMap
from sync_provider.core.transforms.texts import as_text

if TYPE_CHECKING:
    import polars as pl

#: stands for a value whose masked form is not known
HIDDEN_VALUE = "***"


@dataclass(frozen=True, slots=True)
class Masked:
    """One masked column."""

    mask: Mask
    params: Mapping[str, Any]
    key: bytes | None

    def apply(self, column: str) -> pl.Expr:
        """Mask a column of texts."""
        return self.mask.apply(column, self.params, self.key).alias(column)


@dataclass(frozen=True, slots=True)
class Masking:
    """The masks of one interface, by target column."""

    columns: Mapping[str, Masked]

    def good(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Mask target rows."""
        if not self.columns:
            return frame
        texts = frame.with_columns(as_text(name, frame.schema[name]).alias(name) for name in self.columns)
        return texts.with_columns(masked.apply(name) for name, masked in self.columns.items())

    def texts(self, frame: pl.DataFrame, masked_as: Mapping[str, str | None]) -> pl.DataFrame:
        """Return a frame's columns as text, masked.

        Args:
            masked_as: column of the frame → target column whose mask it gets; None = its value is not shown at all;
                columns that are not in it are shown.
        """
        import polars as pl

        texts = frame.select(as_text(name, dtype).alias(name) for name, dtype in frame.schema.items())
        masks = []
        for name, target in masked_as.items():
            if target is not None:
                masks.append(self.columns[target].apply(name))
            else:
                masks.append(pl.when(pl.col(name).is_not_null()).then(pl.lit(HIDDEN_VALUE)).alias(name))
        return texts.with_columns(masks)

    def of_sources(self, columns: ColumnMap, sources: Iterable[str]) -> dict[str, str | None]:
        """Say how source columns are shown: as their target column; what reaches none openly is not shown."""
        if not self.columns:
            return {}
        open_to: dict[str, str] = {}
        for output in columns.outputs:
            if output.source:
                open_to[output.source] = output.name
        found: dict[str, str | None] = {}
        for name in sources:
            target = open_to.get(name)
            if target is None or target in self.columns:
                found[name] = target
        return found


def compile_masks(
    plans: Iterable[MaskPlan],
    types: Mapping[str, ColumnType],
    target: Mapping[str, ColumnType] | None,
    keys: Mapping[str, bytes],
) -> tuple[Masking, dict[str, ColumnType]]:
    """Compile `mask:`.

    Args:
        types: target columns before they are masked.
        target: the target table's columns; None = there is no table yet.
        keys: connection id → key.

    Returns:
        The masks, and the types after them: a masked column is text.

    Raises:
        ValueError: `mask.<column>: ` and what is wrong.
    """
    columns: dict[str, Masked] = {}
    after = dict(types)
    for plan in plans:
        where, there = f"mask.{plan.column}", (target or {}).get(plan.column)
        if plan.column not in types:
            raise ValueError(f"{where}: {unknown_name('column', plan.column, types)}")
        if there is not None and there.kind not in ("text", "other"):
            raise ValueError(f"{where}: a mask gives text, the target column is {there}\n  fix: make that column text")
        mask: Mask = registry.load("masks", plan.method)
        key = keys.get(str(plan.params.get("key"))) if mask.needs_key else None
        if mask.needs_key and not key:
            raise ValueError(f"{where}: connection {plan.params.get('key')!r} holds no key\n  fix: set its password")
        columns[plan.column] = Masked(mask, plan.params, key)
        after[plan.column] = there or ColumnType("text")
    return Masking(columns), after
