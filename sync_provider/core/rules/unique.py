"""`unique: [id]`, `unique: [[shop, number]]`: no two rows of a run have the same values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sync_provider.core.contracts import RuleCase, column_names


class Unique:
    """Decided over the whole run, in the target's staging table; a NULL equals nothing."""

    word = "unique"

    def parse(self, params: Any) -> Sequence[RuleCase]:
        """Read one set of columns: `id`, `[shop, number]` or `{columns: […]}`; a list of lists is several sets."""
        if isinstance(params, Mapping):
            if set(params) != {"columns"}:
                raise ValueError(f"expects columns, got {params!r}\n  fix: write `unique: {{columns: [id]}}`")
            params = params["columns"]
        nested = isinstance(params, (list, tuple)) and any(isinstance(item, (list, tuple)) for item in params)
        sets = [column_names(item, self.word) for item in (params if nested else [params])]
        return [RuleCase(columns, None, "is not unique in this run", scope="set") for columns in sets]


RULE = Unique()
