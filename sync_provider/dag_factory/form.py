"""The form one gets when starting a run by hand; `--conf` and backfills fill the same fields.

Airflow translates its own page and not ours, so each text is in both languages.
"""

from __future__ import annotations

from collections.abc import Sequence

from airflow.sdk import Param

from sync_provider.core.contracts import Plan

_SECTION = "Re-run options 重跑选项"


def params(plans: Sequence[Plan]) -> dict[str, Param]:
    """Return the fields: which interfaces, full or not, and the window."""
    keyed = any(plan.increment is not None and plan.increment.strategy == "key" for plan in plans)
    return {
        **({"interfaces": _interfaces(plans)} if len(plans) > 1 else {}),
        "full": Param(
            False,
            type="boolean",
            section=_SECTION,
            title="Read everything 全量重读",
            description="Ignore the checkpoint and read the whole source. 不看检查点，重新读取全部数据。",
        ),
        "since": _moment(
            "From 起始时间",
            "Read rows from this time on; the checkpoint is not moved. 从此时间（含）开始读取；不移动检查点。",
            keyed,
        ),
        "until": _moment("To 结束时间", "Read rows before this time. 读到此时间（不含）为止。", keyed),
        **({"any_time": _any_time()} if any(plan.hours for plan in plans) else {}),
    }


def _interfaces(plans: Sequence[Plan]) -> Param:
    names = [plan.interface for plan in plans]
    return Param(
        [],
        type=["array", "null"],
        items={"type": "string", "enum": names},
        examples=names,
        values_display={plan.interface: _label(plan) for plan in plans},
        title="Interfaces 接口",
        description="Which to run; none chosen means all. 选择要运行的接口；不选即全部。",
    )


def _any_time() -> Param:
    return Param(
        False,
        type="boolean",
        section=_SECTION,
        title="At any time 不限时段",
        description="Run now, also outside the window of the day. 即使不在允许的时段内也立即运行。",
    )


def _label(plan: Plan) -> str:
    """Return the business name with the id that tasks and logs show."""
    name = f"{plan.title} · {plan.interface}" if plan.title else plan.interface
    return name if plan.schedule.enabled else f"{name} (disabled 已停用)"


def _moment(title: str, description: str, keyed: bool) -> Param:
    """Return the field of a bound; where a cursor is a key, a calendar would take none."""
    told = f"{description} A key where the cursor is one. 游标为键时填写键值。" if keyed else description
    calendar = {} if keyed else {"format": "date-time"}
    return Param(None, type=["null", "string"], section=_SECTION, title=title, description=told, **calendar)
