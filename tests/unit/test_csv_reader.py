"""CSV rows: exact values, broken rows beside the good ones, encodings, block borders."""

from __future__ import annotations

import csv
import gzip
import io
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from sync_provider.core.contracts import ROW
from sync_provider.core.errors import ConfigError, DataError
from sync_provider.core.systems.csv import reader as reading
from sync_provider.core.systems.csv.format import CsvFormat
from sync_provider.core.systems.csv.reader import BadRow, CsvReader


def read(path: Path, data: bytes, **form: Any) -> tuple[list[tuple[Any, ...]], list[BadRow]]:
    """Return (rows with their number last, bad rows)."""
    path.write_bytes(data)
    reader = CsvReader(path, CsvFormat(**form))
    rows: list[tuple[Any, ...]] = []
    bad: list[BadRow] = []
    for block in reader.blocks():
        rows += block.frame.rows()
        bad += block.bad
        assert block.frame.columns == [*reader.columns, ROW]
    assert reader.rows == len(rows) + len(bad)
    return rows, bad


def test_null_empty_quotes_and_newlines_are_kept_apart(tmp_path: Path) -> None:
    data = b'a,b,c\r\n1,,""\r\n2,"x, ""y""\r\nz","NULL"\r\n 3 ,"\xe4\xb8\xad\xf0\x9f\x98\x80",NULL'
    rows, bad = read(tmp_path / "f.csv", data)
    assert rows == [("1", None, "", 1), ("2", 'x, "y"\r\nz', "NULL", 2), (" 3 ", "中😀", "NULL", 3)]
    assert bad == []


def test_words_for_null(tmp_path: Path) -> None:
    rows, _ = read(tmp_path / "f.csv", b'a,b,c\n,"",\\N\n-,x,\n', null_values=["\\N", "-"])
    assert rows == [("", "", None, 1), (None, "x", "", 2)]


def test_rows_with_wrong_field_counts_stand_beside_the_good_ones(tmp_path: Path) -> None:
    rows, bad = read(tmp_path / "f.csv", b'a,b,c\n1,2,3\n1,2\n\n1,2,3,\n4,"5",6\n7\n8,9,0\n')
    assert rows == [("1", "2", "3", 1), ("4", "5", "6", 4), ("8", "9", "0", 6)]
    assert [(one.row, one.message, one.text) for one in bad] == [
        (2, "row 2 has 2 fields, expected 3", "1,2"),
        (3, "row 3 has 4 fields, expected 3", "1,2,3,"),
        (5, "row 5 has 1 field, expected 3", "7"),
    ]


def test_one_field_short_and_one_long_do_not_cancel_out(tmp_path: Path) -> None:
    rows, bad = read(tmp_path / "f.csv", b"a,b,c\n1,2,3,\n4,5\n")
    assert rows == []
    assert [one.row for one in bad] == [1, 2]


def test_a_quote_inside_an_unquoted_cell_is_text(tmp_path: Path) -> None:
    rows, bad = read(tmp_path / "f.csv", b'size,b\n5" pipe,1\n"",a"b"\n"x\ny",2\n')
    assert rows == [('5" pipe', "1", 1), ("", 'a"b"', 2), ("x\ny", "2", 3)]
    assert bad == []


def test_an_unclosed_quote_costs_one_line(tmp_path: Path) -> None:
    rows, bad = read(tmp_path / "f.csv", b'a,b\n1,2\n3,"open\n5,6\n7,8\n')
    assert rows == [("1", "2", 1), ("5", "6", 3), ("7", "8", 4)]
    assert [(one.row, one.message) for one in bad] == [(2, "row 2 opens a quote that is never closed")]


def test_text_after_a_closing_quote_is_no_row_and_its_inside_neither(tmp_path: Path) -> None:
    rows, bad = read(tmp_path / "f.csv", b'a,b\n1,"x\ny,z"w\n2,3\n')
    assert rows == [("2", "3", 3)]
    assert [one.message for one in bad] == [
        "row 1 has text after a closing quote",
        "row 2 may be the inside of a broken quoted field",
    ]


def test_undecodable_bytes_are_named_and_never_replaced(tmp_path: Path) -> None:
    rows, bad = read(tmp_path / "f.csv", b"a,b\n1,caf\xe9\n2,ok\n")
    assert rows == [("2", "ok", 2)]
    assert bad == [BadRow(1, "row 1 has bytes that are not utf-8", "e9", "1,caf\\xe9")]


@pytest.mark.parametrize("encoding", ["gbk", "gb18030", "big5", "utf-16", "utf-16-le", "utf-8-sig", "shift_jis"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    text = "番,名|b\n" + "".join(f'{number},"中文,\n一"\n' for number in range(3000))
    rows, bad = read(tmp_path / "f.csv", text.encode(encoding), encoding=encoding)
    assert len(rows) == 3000
    assert rows[2999] == ("2999", "中文,\n一", 3000)
    assert bad == []


def test_undecodable_gbk_costs_its_row_only(tmp_path: Path) -> None:
    data = "a,b\n1,中\n".encode("gbk") + b"2,\xd6,\n3,\xff\n" + "4,文\n".encode("gbk")
    rows, bad = read(tmp_path / "f.csv", data, encoding="gbk")
    assert rows == [("1", "中", 1), ("4", "文", 4)]
    assert [(one.row, one.detail) for one in bad] == [(2, "d6"), (3, "ff")]


def test_latin_1_and_odd_delimiters(tmp_path: Path) -> None:
    rows, _ = read(tmp_path / "f.csv", "a|b\n'é|'|2\n".encode("latin-1"), encoding="latin-1", delimiter="|", quote="'")
    assert rows == [("é|", "2", 1)]
    rows, _ = read(tmp_path / "f.csv", b'a\tb\n"x\t2\n', delimiter="tab", quote=None)
    assert rows == [('"x', "2", 1)]


def test_bom_of_another_encoding_is_said(tmp_path: Path) -> None:
    assert read(tmp_path / "f.csv", b"\xef\xbb\xbfa\n1\n")[0] == [("1", 1)]
    with pytest.raises(ConfigError, match=r"byte order mark of utf-16, format.encoding is utf-8"):
        read(tmp_path / "f.csv", "a\n1\n".encode("utf-16"))
    with pytest.raises(ConfigError, match=r"byte order mark of utf-8, format.encoding is gbk"):
        read(tmp_path / "f.csv", b"\xef\xbb\xbfa\n1\n", encoding="gbk")
    with pytest.raises(ConfigError, match="the header is not utf-8: column 1 is"):
        read(tmp_path / "f.csv", "中,b\n1,2\n".encode("gbk"))


def test_header_false_skip_rows_and_one_column(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_bytes(b"report of today\n\n1,2\n")
    reader = CsvReader(path, CsvFormat(header=False, skip_rows=2))
    assert reader.columns == ("column_1", "column_2")
    assert next(reader.blocks()).frame.rows() == [("1", "2", 1)]
    assert read(path, b'a\n\nx\n""\n')[0] == [(None, 1), ("x", 2), ("", 3)]


def test_header_mistakes(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="names column 'a' twice"):
        read(tmp_path / "f.csv", b"a,b,a\n")
    with pytest.raises(ConfigError, match="column 2 of the header has no name"):
        read(tmp_path / "f.csv", b"a,,c\n")
    with pytest.raises(ConfigError, match="lone carriage return"):
        read(tmp_path / "f.csv", b"a,b\r1,2\r3,4")
    with pytest.raises(DataError, match=r"f\.csv: is empty"):
        read(tmp_path / "f.csv", b"")
    assert read(tmp_path / "f.csv", b"a,b")[0] == []


def test_gzip(tmp_path: Path) -> None:
    assert read(tmp_path / "f.csv.gz", gzip.compress(b"a,b\n1,2\n"))[0] == [("1", "2", 1)]
    with pytest.raises(DataError, match="not a whole gzip file"):
        read(tmp_path / "f.csv.gz", gzip.compress(b"a,b\n" + random.randbytes(9999))[:-900])
    with pytest.raises(DataError, match="not a whole gzip file"):
        read(tmp_path / "f.csv.gz", b"a,b\n1,2\n")


@pytest.mark.parametrize("form", [{"delimiter": "||"}, {"delimiter": "；"}, {"encoding": "utf-9"}, {"quote": ","}])
def test_formats_that_cannot_be(form: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        CsvFormat(**form)


_CELL = st.text(st.sampled_from('ab",\r\n 中é😀;\\'), max_size=8)


@settings(max_examples=150, deadline=None)
@given(
    table=st.integers(2, 4).flatmap(
        lambda width: st.lists(st.lists(_CELL, min_size=width, max_size=width), max_size=9)
    ),
    block=st.integers(1, 40),
    ends=st.sampled_from(["\n", "\r\n"]),
)
def test_what_csv_writes_comes_back_wherever_blocks_are_cut(
    tmp_path_factory: pytest.TempPathFactory, table: list[list[str]], block: int, ends: str
) -> None:
    width = len(table[0]) if table else 2
    out = io.StringIO()
    writer = csv.writer(out, lineterminator=ends, quoting=csv.QUOTE_ALL)
    writer.writerow([f"c{number}" for number in range(width)])
    writer.writerows(table)
    path = tmp_path_factory.getbasetemp() / "property.csv"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "BLOCK_BYTES", block)
        rows, bad = read(path, out.getvalue().encode())
    assert [list(row[:-1]) for row in rows] == table
    assert [row[-1] for row in rows] == list(range(1, len(table) + 1))
    assert bad == []


@settings(max_examples=150, deadline=None)
@given(data=st.text(st.sampled_from('a",\r\n é'), max_size=60), block=st.integers(1, 30))
def test_any_text_gives_the_same_rows_wherever_blocks_are_cut(
    tmp_path_factory: pytest.TempPathFactory, data: str, block: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.csv"
    whole = read(path, b"x,y\n" + data.encode("latin-1"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "BLOCK_BYTES", block)
        assert read(path, b"x,y\n" + data.encode("latin-1")) == whole
