"""The form one gets when starting a run by hand; `--conf` and backfills fill the same fields."""

from __future__ import annotations

from collections.abc import Sequence

from airflow.sdk import Param

from sync_provider.core.contracts import Plan

_SECTION = "Re-run options"


def params(plans: Sequence[Plan]) -> dict[str, Param]:
    """Return the fields: which interfaces, full or not, and the window."""
    return {
        **({"interfaces": _interfaces(plans)} if len(plans) > 1 else {}),
        "full": Param(
            False,
            type="boolean",
            section=_SECTION,
            title="Read everything",
            description="Ignore the checkpoint and read the whole source.",
        ),
        "since": _moment("From", "Read rows from this time on; the checkpoint is not moved."),
        "until": _moment("To", "Read rows before this time."),
    }


def _interfaces(plans: Sequence[Plan]) -> Param:
    names = [plan.interface for plan in plans]
    return Param(
        [],
        type=["array", "null"],
        items={"type": "string", "enum": names},
        examples=names,
        values_display={plan.interface: plan.title or plan.interface for plan in plans},
        title="Interfaces",
        description="Which to run; none chosen means all.",
    )


def _moment(title: str, description: str) -> Param:
    return Param(
        None, type=["null", "string"], format="date-time", section=_SECTION, title=title, description=description
    )
