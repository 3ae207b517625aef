"""YAML scalars, places, and bytes that are no YAML."""

from __future__ import annotations

from pathlib import Path

import pytest

from sync_provider.core.config.positions import scalar
from sync_provider.core.config.reading import read_bytes, read_file


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"), ("on", "on"), ("yes", "yes"), ("NO", "NO"), ("12:30", "12:30"), ("2024-01-01", "2024-01-01"),
        ("1_000", "1_000"), ("0123", 123), ("0o17", 15), ("0x1F", 31), ("-7", -7), ("1e3", 1000.0), (".5", 0.5),
        ("true", True), ("False", False), ("~", None), ("", None), ("null", None), ("1e999", "1e999"), (".inf", ".inf"),
        ("1.2.3", "1.2.3"), ("-", "-"), ("+", "+"),
    ],
)  # fmt: skip
def test_scalars_are_those_of_yaml_1_2(text: str, value: object) -> None:
    assert scalar(text) == value
    assert type(scalar(text)) is type(value)


def test_quoted_text_stays_text() -> None:
    root = read_bytes(b"a: '1'\nb: \"true\"\nc: !!str 5\n", "f").root

    assert root is not None
    assert root.plain() == {"a": "1", "b": "true", "c": "5"}


def test_keys_are_text_whatever_they_look_like() -> None:
    root = read_bytes(b"on: 1\n2024: 2\nnull: 3\n", "f").root

    assert root is not None
    assert root.plain() == {"on": 1, "2024": 2, "null": 3}


def test_places_count_characters_not_bytes() -> None:
    root = read_bytes("接口: {订单: 值, x: [甲, 乙]}\n".encode(), "f").root

    assert root is not None
    node = root.find(("接口", "x", 1))
    assert (node.line, node.column) == (1, 20)
    assert (root.find(("接口", "x")).key_column, root.find(("接口", "订单")).column) == (13, 10)


def test_what_is_not_written_is_at_its_nearest_ancestor() -> None:
    root = read_bytes(b"a:\n  b: {c: 1}\n", "f").root

    assert root is not None
    assert root.find(("a", "b", "x", "y")).path == ("a", "b")
    assert root.find(("a", "b", "c", 0)).path == ("a", "b", "c")


def test_an_alias_is_a_copy_with_its_own_path() -> None:
    root = read_bytes(b"a: &x {k: [1]}\nb: *x\n", "f").root

    assert root is not None
    assert root.find(("b", "k", 0)).path == ("b", "k", 0)
    assert root.plain() == {"a": {"k": [1]}, "b": {"k": [1]}}


@pytest.mark.parametrize(
    ("data", "message", "place"),
    [
        ("title: 订单\n".encode("gbk"), "byte 0xb6 is not UTF-8", (1, 8)),
        (b"a: 1\nb: \xff\xfe\n", "byte 0xff is not UTF-8", (2, 4)),
        (b"a: 1\nb: \x00\n", "control character U+0000 is not allowed in YAML", (2, 4)),
        (b"x" * 5_000_000, "is larger than 4 MB", (1, 1)),
        (b"a:\n  x: [ # [1\n\n", "the bracket opened here is not closed before line 4, column 1", (2, 6)),
        (b"a:\n  x: {b: [1], c: {},\n", "the bracket opened here is not closed before line 3, column 1", (2, 6)),
        (b"a: [1, 2\n", "the bracket opened here is not closed before line 2, column 1", (1, 4)),
        ("﻿a: {b: 1\n".encode(), "the bracket opened here is not closed before line 2, column 1", (1, 4)),
    ],
)
def test_bytes_that_are_no_yaml(data: bytes, message: str, place: tuple[int, int]) -> None:
    (problem,) = read_bytes(data, "f").problems

    assert (problem.message, (problem.line, problem.column)) == (message, place)


def test_gbk_is_recognised() -> None:
    assert (
        read_bytes("title: 订单\n".encode("gbk"), "f").problems[0].fix == "save the file as UTF-8 (it looks like GBK)"
    )


def test_what_is_no_file(tmp_path: Path) -> None:
    messages = [read_file(path, "f").problems[0].message for path in (tmp_path, tmp_path / "missing.yaml")]

    assert messages == ["cannot be read: it is a folder", "cannot be read: No such file or directory"]


def test_a_template_file_written_as_utf_8_with_bom_reads() -> None:
    root = read_bytes("﻿a: 1\n".encode(), "f").root

    assert root is not None
    assert root.plain() == {"a": 1}
