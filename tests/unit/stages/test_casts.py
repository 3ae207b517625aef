"""Casts are strict and exact: each text is either the value it says, or told apart."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_provider.core.contracts import parse_type
from sync_provider.core.contracts.frames import frame_type
from sync_provider.core.transforms.casts import apply, cast, refusal

FAILED = object()
BIG = "12345678901234567890123456789012345678901234567890.1"
UTC = timezone.utc


def _cast(values: list[Any], want: str, have: str = "text", zone: str | None = None) -> list[Any]:
    kind = parse_type(have)
    column = pl.Series("c", values, dtype=frame_type(kind))
    made, failed = apply(column.to_frame(), {"c": cast("c", kind, column.dtype, parse_type(want), zone)})
    assert made["c"].dtype == frame_type(parse_type(want))
    marks = failed["c"].to_list() if "c" in failed else [False] * len(values)
    return [FAILED if mark else value for mark, value in zip(marks, made["c"].to_list(), strict=True)]


@pytest.mark.parametrize(
    ("want", "good", "bad"),
    [
        ("smallint", {"32767": 32767, "-0": 0}, ["32768", "1.5", "", "1e3", "1,000", "0x1f", "１２"]),
        ("bigint", {" 5\t": 5, "+5": 5, "00012": 12, "1.0": 1}, ["99999999999999999999", "5-", "--5", " "]),
        (
            "decimal(12,2)",
            {"5": "5.00", "1.500": "1.50", "-.5": "-0.50", "5.": "5.00", "1e3": "1000.00", "00000000000001.1": "1.10"},
            ["1.005", "10000000000", "1,234.5", "nan", "inf", ".", "", "abc", "1e400", "1e-3"],
        ),
        ("decimal(2,2)", {"0.5": "0.50", ".55": "0.55", "0": "0.00"}, ["1", "1.5", "0.555"]),
        ("numeric", {BIG: BIG, "1e3": "1000"}, ["nan", "x", "", "1e999"]),
        ("double", {"1.5": 1.5, "inf": float("inf"), " 2 ": 2.0}, ["1e400", "", "x", "1_0"]),
        ("real", {"1.5": 1.5}, ["1e40"]),
        ("boolean", {"true": True, "T": True, "1": True, "no": False, "0": False}, ["", "2", "maybe"]),
        (
            "date",
            {"2026-01-31": date(2026, 1, 31), "2026-1-5": date(2026, 1, 5), "2026-01-01 00:00:00": date(2026, 1, 1)},
            ["2026-02-29", "2026-13-01", "0000-00-00", "20260101", "2026/01/01", "2026-01-01 10:00:00", ""],
        ),
        (
            "timestamp",
            {
                "2026-01-01 10:00:00.123456": datetime(2026, 1, 1, 10, 0, 0, 123456),
                "2026-01-01T10:00": datetime(2026, 1, 1, 10),
                "2026-01-01": datetime(2026, 1, 1),
            },
            ["2026-01-01 10:00:00.1234567", "2026-01-01 24:00:00", "2026-01-01 10:00:60", "2026-01-01T10:00:00Z", ""],
        ),
        (
            "timestamptz",
            {
                "2026-01-01 10:00:00": datetime(2026, 1, 1, 10, tzinfo=UTC),
                "2026-01-01T10:00:00+08:00": datetime(2026, 1, 1, 2, tzinfo=UTC),
                "2026-01-01 10:00:00.5-0530": datetime(2026, 1, 1, 15, 30, 0, 500000, tzinfo=UTC),
            },
            ["2026-01-01 10:00:00+8", "x"],
        ),
        ("json", {'{"a": 1.10}': '{"a": 1.10}', "null": "null", "[]": "[]"}, ["{", "", "nope", '{"a":1}x']),
        ("uuid", {"6f9619ff-8b86-d011-b42d-00cf4fc964ff": "6f9619ff-8b86-d011-b42d-00cf4fc964ff"}, ["6f9619ff", ""]),
        ("bytea", {r"\x00ff": b"\x00\xff", r"\x": b""}, [r"\x0", "00ff", ""]),
        ("varchar(3)", {"中文字": "中文字", "": ""}, ["abcd"]),
    ],
)
def test_texts(want: str, good: dict[str, Any], bad: list[str]) -> None:
    values = [*good, *bad, None]
    exact = [Decimal(v) if want.startswith("decimal") else v for v in good.values()]
    assert _cast(values, want) == [*exact, *[FAILED] * len(bad), None]
    assert [_cast([value], want)[0] for value in values] == [*exact, *[FAILED] * len(bad), None]


@pytest.mark.parametrize(
    ("have", "want", "values", "made"),
    [
        ("bigint", "smallint", [1, 40000, None], [1, FAILED, None]),
        ("bigint", "double", [2**53, 2**53 + 1], [2.0**53, FAILED]),
        ("bigint", "decimal(4,2)", [1, 123], [Decimal("1.00"), FAILED]),
        ("bigint", "boolean", [1, 0, 2], [True, False, FAILED]),
        ("double", "int", [1.0, 1.5, 1e21, float("nan")], [1, FAILED, FAILED, FAILED]),
        ("double", "decimal(12,2)", [0.1, 0.1 + 0.2, 19.99], [Decimal("0.10"), FAILED, Decimal("19.99")]),
        ("decimal(12,4)", "decimal(12,2)", [Decimal("1.5000"), Decimal("1.5001")], [Decimal("1.50"), FAILED]),
        ("decimal(12,2)", "int", [Decimal("2.00"), Decimal("2.50")], [2, FAILED]),
        ("timestamp", "date", [datetime(2026, 1, 1), datetime(2026, 1, 1, 1)], [date(2026, 1, 1), FAILED]),
        ("date", "timestamptz", [date(2026, 1, 1)], [datetime(2026, 1, 1, tzinfo=UTC)]),
        ("boolean", "text", [True, None], ["true", None]),
        ("boolean", "smallint", [True, False, None], [1, 0, None]),
        ("timestamptz", "text", [datetime(2026, 1, 1, tzinfo=UTC)], ["2026-01-01 00:00:00+00:00"]),
    ],
)
def test_typed_values(have: str, want: str, values: list[Any], made: list[Any]) -> None:
    assert _cast(values, want, have) == made


def test_a_time_zone_says_whose_clock() -> None:
    eight = timedelta(hours=8)
    assert _cast(["2026-01-01 10:00:00"], "timestamptz", zone="Asia/Shanghai") == [
        datetime(2026, 1, 1, 10, tzinfo=UTC) - eight
    ]
    assert _cast(["2026-01-01T10:00:00Z"], "timestamp", zone="Asia/Shanghai") == [datetime(2026, 1, 1, 18)]
    at = [datetime(2026, 1, 1, 20, tzinfo=UTC)]
    assert _cast(at, "timestamp", "timestamptz", "Asia/Shanghai") == [datetime(2026, 1, 2, 4)]


def test_an_hour_that_is_there_twice_or_never_is_not_guessed() -> None:
    texts = ["2026-03-29 02:30:00", "2026-10-25 02:30:00", "2026-10-25 02:30:00+01:00"]
    assert _cast(texts, "timestamptz", zone="Europe/Berlin") == [
        FAILED,
        FAILED,
        datetime(2026, 10, 25, 1, 30, tzinfo=UTC),
    ]


@pytest.mark.parametrize(
    ("have", "want", "zone", "said"),
    [
        ("boolean", "date", None, "boolean cannot become date"),
        ("boolean", "smallint", None, None),
        ("date", "bigint", None, "date cannot become bigint"),
        ("bytea", "json", None, "binary cannot become json"),
        ("timestamptz", "timestamp", None, "only in a time zone"),
        ("timestamptz", "timestamp", "UTC", None),
        ("text", "date", None, None),
        ("bytea", "text", None, None),
    ],
)
def test_types_that_never_fit_are_refused_before_any_row(
    have: str, want: str, zone: str | None, said: str | None
) -> None:
    found = refusal(parse_type(have), parse_type(want), zone)
    assert (found is None) == (said is None)
    assert said is None or said in (found or "")


@given(st.lists(st.one_of(st.none(), st.decimals(-(10**9), 10**9, places=4)), max_size=20))
def test_a_decimal_is_exact_or_failed(values: list[Decimal | None]) -> None:
    for value, made in zip(
        values, _cast([None if v is None else f"{v:f}" for v in values], "decimal(10,2)"), strict=True
    ):
        fits = value is not None and value == round(value, 2) and abs(value) < 10**8
        assert made == (value if fits else None if value is None else FAILED)


@given(st.lists(st.text(alphabet="0123456789+-.eE ,xnaif", max_size=12), max_size=20))
def test_a_number_is_read_as_python_reads_it_or_not_at_all(texts: list[str]) -> None:
    for text, made in zip(texts, _cast(texts, "bigint"), strict=True):
        if made is not FAILED:
            assert Decimal(text.strip()) == made


@given(st.lists(st.one_of(st.none(), st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)))))
def test_timestamps_come_back(moments: list[datetime | None]) -> None:
    assert _cast([m.isoformat() if m else None for m in moments], "timestamp") == moments
    assert _cast([m.isoformat(sep=" ") + "Z" if m else None for m in moments], "timestamptz") == [
        m.replace(tzinfo=UTC) if m else None for m in moments
    ]
