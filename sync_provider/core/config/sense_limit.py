"""What `limit:` cannot stand with: whatever takes rows that were not read for rows that are gone."""

from __future__ import annotations

from collections.abc import Iterator

from sync_provider.core.config.levels import level
from sync_provider.core.config.models import Interface
from sync_provider.core.config.positions import Node
from sync_provider.core.config.problems import Problem


def check(root: Node, interface: Interface) -> Iterator[Problem]:
    """Yield what does not fit in one effective interface."""
    limit = root.get("limit")
    if interface.limit is None or limit is None:
        return
    new = interface.incremental
    if new is not None and new.strategy == "flag":
        fix = "leave the source out here with `environment:`, or remove `limit:`"
        message = "`strategy: flag` marks every row it claims, read or not, and cannot stop after some"
        yield limit.problem(message, fix, at_key=True)
    if interface.deletes is not None and interface.deletes.when is None:
        message = "rows beyond the limit would be taken for deleted ones: `deletes:` compares with a full read"
        yield limit.problem(message, "remove `limit:` or `deletes:`", at_key=True)
    if interface.write == "replace" and level(limit) != "environment":
        message = f"`write: replace` would leave {interface.limit} rows in the table"
        yield limit.problem(
            message, "write it under `environments:` of project.yaml, for tables of one's own", at_key=True
        )
