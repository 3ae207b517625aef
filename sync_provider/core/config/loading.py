"""Keys of an interface about what is read anew and how it is written: incremental, guard, deletes, SQL around it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, NonNegativeInt, model_validator

from sync_provider.core.config.values import Duration, Percent, one_or_many, parse_duration, wrong


class Keys(BaseModel):
    """A map in which every key is known."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def as_text(value: Any) -> Any:
    """Read a whole number as text: a cursor starts at 0 as well as at a date."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


ScalarText = Annotated[str, BeforeValidator(as_text, json_schema_input_type=str | int)]


def read_lag(value: Any) -> Any:
    """Read `5m` as seconds (float) and `1000` as a number of keys (int); which of the two fits, the strategy tells."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if number and value < 0:
        raise wrong(f"{value} is less than nothing", "write how far to read back: 5m, or 1000 with `strategy: key`")
    return value if number and isinstance(value, int) else parse_duration(value)


Lag = Annotated[float | int, BeforeValidator(read_lag, json_schema_input_type=Duration | NonNegativeInt)]


class Incremental(Keys):
    """`incremental:`: read only what is new."""

    strategy: Literal["timestamp", "key", "log", "flag"] = "timestamp"
    cursor: str = Field(description="source column that tells what is new")
    lag: Lag | None = Field(
        default=None, description="read this far back again, for rows committed late: 5m; a number where `key`"
    )
    start: ScalarText | None = Field(default=None, description="first cursor value ever read")
    pending: ScalarText | None = Field(default=None, description="flag: value of rows to be read")
    claimed: ScalarText | None = Field(default=None, description="flag: value while they are being read")
    done: ScalarText | None = Field(default=None, description="flag: value of rows that arrived")


def read_guard(value: Any) -> Any:
    """Read `min_rows` as a number of rows, or as a percentage of what is there."""
    if isinstance(value, dict) and set(value) == {"min_rows"}:
        name = "percent" if isinstance(value["min_rows"], str) else "rows"
        return {name: value["min_rows"]}
    return value


class Guard(Keys):
    """`guard:`: a replace that brings too little is refused."""

    rows: NonNegativeInt | None = None
    percent: Percent | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Guard:
        if self.rows is None and self.percent is None:
            raise wrong("guards nothing", "write {min_rows: 50%} or {min_rows: 1000}")
        return self


class Deletes(Keys):
    """`deletes:`: what becomes of a row of the target that the source has deleted."""

    mode: Literal["soft", "hard"] = Field(description="soft sets _deleted_at, hard deletes the row")
    when: str | None = Field(
        default=None, description="SQL condition that tells a deleted row; else rows missing from a full read are"
    )


def read_deletes(value: Any) -> Any:
    """Read the short forms: `soft`, `hard`, and `ignore`, which is what happens anyway."""
    if value == "ignore":
        return None
    return {"mode": value} if isinstance(value, str) else value


GuardField = Annotated[Guard, BeforeValidator(read_guard)]
DeletesField = Annotated[
    Deletes | None,
    BeforeValidator(read_deletes, json_schema_input_type=Literal["soft", "hard", "ignore"] | Deletes),
]
Statements = Annotated[tuple[str, ...], BeforeValidator(one_or_many)]
