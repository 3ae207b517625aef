"""`deduplicate: {key: [id], order_by: [updated_at]}`: of the rows of one run with equal keys, keeps the last."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sync_provider.core.contracts import CleanStep, check_params, column_names


class Deduplicate:
    """Decided over the whole run in the target's staging table, so that no cut of a batch changes it."""

    word = "deduplicate"

    def parse(self, params: Any) -> CleanStep:
        """Read the key columns, or `{key:, order_by:}`; without order_by the row read last is kept."""
        if not isinstance(params, Mapping):
            params = {"key": params}
        check_params(params, ("key", "order_by"), self.word)
        if "key" not in params:
            raise ValueError("the key is missing\n  fix: write `deduplicate: {key: [column], order_by: [column]}`")
        key = column_names(params["key"], self.word)
        order_by = column_names(params["order_by"], "order_by") if params.get("order_by") else ()
        return CleanStep(tuple(dict.fromkeys(key + order_by)), deduplicate=(key, order_by))


CLEANER = Deduplicate()
