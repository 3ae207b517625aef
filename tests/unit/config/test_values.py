"""Durations, sizes, percentages, schedules, and what may be printed."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from sync_provider.core.config.problems import Problem, excerpt, redact, secret_name
from sync_provider.core.config.schedules import Schedule, ScheduleField
from sync_provider.core.config.values import Duration, Percent, Size


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Duration, "5m", 300.0), (Duration, "1h30m", 5400.0), (Duration, "500ms", 0.5), (Duration, "1.5h", 5400.0),
        (Duration, 0, 0.0), (Duration, "2d 12h", 216000.0), (Size, "512MB", 512_000_000), (Size, "1GiB", 2**30),
        (Size, "64kb", 64_000), (Percent, "1%", 1.0), (Percent, "0.5 %", 0.5),
    ],
)  # fmt: skip
def test_values_that_read(kind: object, text: object, value: float) -> None:
    assert TypeAdapter(kind).validate_python(text) == value


@pytest.mark.parametrize(
    ("kind", "text"),
    [(Duration, 5), (Duration, "5"), (Duration, "m5"), (Duration, True), (Duration, "5 minutes"), (Duration, None),
     (Size, "512"), (Size, 512), (Size, "1XB"), (Percent, "101%"), (Percent, 1), (Percent, "-1%")],
)  # fmt: skip
def test_values_that_do_not(kind: object, text: object) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(kind).validate_python(text)


@pytest.mark.parametrize(
    ("written", "kind", "cron"),
    [("@hourly", "cron", "0 * * * *"), ("5 4 * * mon-fri", "cron", "5 4 * * mon-fri"), ("manual", "manual", None),
     ("once", "once", None), ({"interval": "15m"}, "interval", None), ({"cron": "@daily"}, "cron", "0 0 * * *")],
)  # fmt: skip
def test_schedules(written: object, kind: str, cron: str | None) -> None:
    schedule: Schedule = TypeAdapter(ScheduleField).validate_python(written)

    assert (schedule.kind, schedule.cron) == (kind, cron)


@pytest.mark.parametrize(
    "written",
    ["0 25 * * *", "60 * * * *", "* * * *", "* * * * * *", "0 0 31 2 *", "0 0 0 * *", "x x x x x", "@hourli", "",
     "1/0 * * * *", {}, {"interval": "0s"}, {"cron": "@daily", "interval": "5m"},
     {"interval": "5m", "start": "tomorrow"},
     {"interval": "5m", "timezone": "Mars/Phobos"}, {"interval": "5m", "timezone": ".."}, 5, None, []],
)  # fmt: skip
def test_what_is_no_schedule(written: object) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(ScheduleField).validate_python(written)


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("  password: hunter2", "  password: ***"),
        ("{user: a, db_password: 'x y', port: 1}", "{user: a, db_password: ***, port: 1}"),
        ("url: postgresql://u:p@h/d", "url: postgresql://***@h/d"),
        ('api_key: "k"  # see', "api_key: ***  # see"),
        ("title: the tokenizer", "title: the tokenizer"),
    ],
)
def test_no_secret_is_printed(line: str, shown: str) -> None:
    assert redact(line) == shown


def test_the_caret_follows_what_was_left_out() -> None:
    line = "{password: averylongsecret, prot: 1}"
    text, caret = excerpt(line, line.index("prot") + 1)

    assert text[caret - 1 :].startswith("prot")


def test_a_long_line_is_cut_around_the_caret() -> None:
    text, caret = excerpt("x" * 500 + "HERE" + "y" * 500, 501)

    assert len(text) == 140
    assert text[caret - 1 :].startswith("HERE")


def test_the_caret_is_under_wide_characters() -> None:
    problem = Problem("f", 1, 3, "", "m", excerpt="订单x", caret=3)

    assert problem.text().splitlines()[2] == "       |     ^"


@pytest.mark.parametrize(("name", "secret"), [("password", True), ("db_password", True), ("token_url", False),
                                              ("API_KEY", True), ("key", False), ("tokens_seen", False)])  # fmt: skip
def test_names_of_secrets(name: str, secret: bool) -> None:
    assert secret_name(name) is secret
