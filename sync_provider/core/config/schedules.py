"""`schedule:` and time zones: text or map → one checked Schedule."""

from __future__ import annotations

import re
from datetime import datetime
from functools import cache
from typing import Annotated, Any
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from sync_provider.core.config.problems import did_you_mean
from sync_provider.core.config.values import Duration, wrong

PRESETS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@quarterly": "0 0 1 */3 *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12), ("weekday", 0, 7))
_HELP = 'write minute hour day month weekday, such as "30 2 * * *", or @hourly, @daily, @weekly, @monthly'
#: what people write for a zone that IANA calls otherwise
_USUAL = dict.fromkeys(("beijing", "shenzhen", "guangzhou", "cst", "utc+8", "gmt+8"), "Asia/Shanghai")
_NUMBER = re.compile(r"\d+")


@cache
def check_cron(text: str) -> str:
    """Return a preset's or a five-field cron text in five fields. Raises a validator's error otherwise."""
    if text.startswith("@"):
        if text not in PRESETS:
            raise wrong(f"unknown preset {text!r}{did_you_mean(text, PRESETS)}", f"use one of {', '.join(PRESETS)}")
        return PRESETS[text]
    fields = text.split()
    if len(fields) == 1:
        near = did_you_mean(text, ("manual", "once", *PRESETS))
        raise wrong(f"{text!r} is not a schedule{near}", f"{_HELP}; or manual, once, {{interval: 15m}}")
    if len(fields) != len(_FIELDS):
        raise wrong(f"{text!r} is not a cron expression: it has {len(fields)} of 5 fields", _HELP)
    for field, (name, low, high) in zip(fields, _FIELDS, strict=True):
        for number in _NUMBER.findall(field.partition("/")[0].partition("#")[0]):
            if not low <= int(number) <= high:
                raise wrong(f"{text!r} is not a cron expression: {name} {number} is not within {low}-{high}", _HELP)
    from croniter import croniter  # type: ignore[import-untyped]
    from croniter.croniter import CroniterError  # type: ignore[import-untyped]

    try:
        croniter(" ".join(fields), datetime(2024, 1, 1)).get_next()
    except (CroniterError, ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise wrong(f"{text!r} is not a cron expression: {_reason(error)}", _HELP) from error
    return " ".join(fields)


def _reason(error: Exception) -> str:
    return "it never comes to pass" if "failed to find next" in str(error) else str(error).strip().rstrip(".")


@cache
def check_timezone(name: str) -> str:
    """Return an IANA time zone's name. Raises a validator's error where there is none of that name."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        usual = _USUAL.get(name.rpartition("/")[2].lower())
        hint = f"; did you mean {usual!r}?" if usual else did_you_mean(name, available_timezones())
        raise wrong(f"unknown time zone {name!r}{hint}", "use an IANA name such as Asia/Shanghai or UTC") from error
    return name


def check_instant(value: str) -> str:
    """Return an ISO 8601 date or date-time."""
    try:
        datetime.fromisoformat(value.replace("Z", "+00:00"))
    except ValueError as error:
        raise wrong(f"{value!r} is not a date", 'write it as "2026-01-31" or "2026-01-31T08:00:00Z"') from error
    return value


Timezone = Annotated[str, AfterValidator(check_timezone)]


class Schedule(BaseModel):
    """When an interface runs: exactly one of cron, interval, once, manual."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cron: Annotated[str, AfterValidator(check_cron)] | None = Field(
        default=None, description="five fields, or @hourly, @daily, @weekly, @monthly"
    )
    interval: Duration | None = Field(default=None, description="a fixed distance, such as 15m, counted from start")
    once: bool = Field(default=False, description="one run per version of the configuration")
    manual: bool = Field(default=False, description="only when someone starts it")
    timezone: Timezone | None = Field(default=None, description="IANA name; else `timezone:` beside `schedule:`")
    start: Annotated[str, AfterValidator(check_instant)] | None = Field(default=None, description="first day, ISO 8601")

    @model_validator(mode="after")
    def _one_kind(self) -> Schedule:
        kinds = [name for name in ("cron", "interval", "once", "manual") if getattr(self, name)]
        if self.interval is not None and self.interval <= 0:
            raise wrong("interval must be longer than nothing", "write it as 15m or 1h")
        if len(kinds) != 1:
            what = f"needs exactly one of cron, interval, once, manual; got {' and '.join(kinds) or 'none of them'}"
            raise wrong(what, 'write {cron: "0 2 * * *"} or {interval: 15m}')
        return self

    @property
    def kind(self) -> str:
        """cron | interval | once | manual."""
        return "cron" if self.cron else "interval" if self.interval else "once" if self.once else "manual"


def read_schedule(value: Any) -> Any:
    """Read the short forms: `manual`, `once`, a preset, or cron text."""
    if not isinstance(value, str):
        return value
    if value in ("manual", "once"):
        return {value: True}
    return {"cron": value}


_HOURS = re.compile(r"(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})(?:\s+(\S+))?")


def read_hours(value: Any) -> Any:
    """Read `01:00-06:00 Asia/Shanghai` → (first minute of the day, minute after the last, zone or None)."""
    found = _HOURS.fullmatch(value) if isinstance(value, str) else None
    help_ = 'write it as "01:00-06:00", or "22:00-06:00 Asia/Shanghai"'
    if found is None:
        raise wrong(f"{value!r} is not a window of the day", help_)
    hour, minute, last_hour, last_minute = map(int, found.groups()[:4])
    start, end = hour * 60 + minute, last_hour * 60 + last_minute
    if max(minute, last_minute) > 59 or start >= 1440 or end > 1440:
        raise wrong(f"{value!r} is not a window of the day: no clock shows that", help_)
    if start == end % 1440:
        raise wrong(f"{value!r} begins where it ends", f"{help_}; remove it where any time will do")
    return start, end, check_timezone(found[5]) if found[5] else None


HoursField = Annotated[tuple[int, int, str | None], BeforeValidator(read_hours, json_schema_input_type=str)]
ScheduleField = Annotated[
    Schedule,
    BeforeValidator(read_schedule, json_schema_input_type=Annotated[str, Field(min_length=1)] | Schedule),
]
