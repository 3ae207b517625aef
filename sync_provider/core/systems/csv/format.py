"""The `format:` block of a CSV interface, and what it allows."""

from __future__ import annotations

import codecs
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from typing_extensions import Self

_DELIMITERS = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|"}


class CsvFormat(BaseModel):
    """How a CSV file is written. Every cell is text; types come from `columns:` or the target table."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: Literal["csv"] = "csv"
    delimiter: str = Field(default=",", description="One ASCII character, or tab, comma, semicolon, pipe.")
    encoding: str = Field(
        default="utf-8", description="Any Python codec name: utf-8 (BOM or not), gb18030, big5, utf-16, …"
    )
    header: bool = Field(
        default=True, description="Whether the first row names the columns; else column_1, column_2, …"
    )
    null_values: tuple[str, ...] = Field(
        default=("",),
        description='Cells that mean NULL. "" is an empty cell without quotes (a quoted "" stays empty text); '
        "any other word means NULL quoted or not.",
    )
    quote: str | None = Field(default='"', description="The quoting character; null where the file quotes nothing.")
    skip_rows: int = Field(default=0, ge=0, description="Lines to leave out before the header.")

    @field_validator("delimiter")
    @classmethod
    def _delimiter(cls, value: str) -> str:
        value = _DELIMITERS.get(value.lower(), value)
        if len(value) != 1 or not value.isascii() or value in "\r\n":
            raise ValueError(f"{value!r} is not one ASCII character; use e.g. ';' or tab")
        return value

    @field_validator("encoding")
    @classmethod
    def _encoding(cls, value: str) -> str:
        try:
            name = codecs.lookup(value).name
            "".encode(name)
        except LookupError:
            raise ValueError(f"unknown encoding {value!r}; use e.g. utf-8, gb18030, big5, utf-16, latin-1") from None
        return "utf-8" if name == "utf-8-sig" else name

    @field_validator("quote")
    @classmethod
    def _quote(cls, value: str | None) -> str | None:
        if value is not None and (len(value) != 1 or not value.isascii() or value in "\r\n"):
            raise ValueError(f"{value!r} is not one ASCII character; use '\"' or null")
        return value

    @model_validator(mode="after")
    def _apart(self) -> Self:
        if self.quote == self.delimiter:
            raise ValueError(f"quote and delimiter are both {self.quote!r}")
        return self
