"""Which way a load goes: everything in one transaction, or in chunks that a retry resumes."""

from __future__ import annotations

from dataclasses import dataclass

from sync_provider.core.contracts import Plan


@dataclass(frozen=True, slots=True)
class LoadPath:
    """One of the two ways.

    Args:
        chunked: whether chunks are committed one by one to a lasting staging table.
        why: the end of a sentence that begins with `because`.
    """

    chunked: bool
    why: str

    def __str__(self) -> str:
        how = "staged in chunks" if self.chunked else "in one transaction"
        return f"load: {how}, because {self.why}"


def load_path(plan: Plan, rows: int | None) -> LoadPath:
    """Choose the way of one load.

    Args:
        rows: how many rows come, as far as anybody knows before they are written; None = unknown.
    """
    if plan.load is not None:
        return LoadPath(plan.load == "staged", f"`load: {plan.load}` says so")
    if rows is None:
        if plan.hours is not None:
            return LoadPath(True, "nobody knows how many rows come, and they must be able to pause when `window:` ends")
        return LoadPath(False, "nobody knows how many rows come")
    if rows > plan.resume_over:
        return LoadPath(True, f"{rows:,} rows are more than `resume_over: {plan.resume_over}`")
    return LoadPath(False, f"{rows:,} rows are not more than `resume_over: {plan.resume_over}`")


def load_rule(plan: Plan) -> str:
    """Return how `load_path` will choose, in the words of `load:`; for `explain`."""
    if plan.load is not None:
        return plan.load
    unknown = " or when nobody knows how many come" if plan.hours is not None else ""
    return f"staged in chunks above {plan.resume_over:,} rows{unknown}, else in one transaction"
