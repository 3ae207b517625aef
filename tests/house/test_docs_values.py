"""docs/types.md says which texts are taken and which are rejected: each is tried."""

from __future__ import annotations

import re

import pytest

from sync_provider.core.contracts import ColumnType, parse_type
from tests.house.markdown import DOCS, rows

TABLE = "How values are read: exact, or rejected"


def values() -> list[tuple[str, str, bool]]:
    """Return (type, text, whether it is taken); in a cell, what stands in brackets after a text is prose."""
    found = []
    for kind, taken, refused in rows(DOCS / "types.md", TABLE):
        for cell, fits in ((taken, True), (refused, False)):
            texts = re.findall(r"`([^`]+)`", re.sub(r"\([^)]*\)", "", cell))
            found += [(kind.strip("`"), text, fits) for text in texts]
    return found


@pytest.mark.parametrize(("kind", "text", "fits"), values())
def test_a_text_is_taken_or_rejected_as_the_page_says(kind: str, text: str, fits: bool) -> None:
    import polars as pl

    from sync_provider.core.transforms import casts

    frame = pl.DataFrame({"value": [text]})
    made, failed = casts.apply(frame, {"value": casts.cast("value", ColumnType("text"), pl.String(), parse_type(kind))})
    assert (failed == {}) is fits
    assert (made["value"][0] is not None) is fits


def test_the_table_is_there() -> None:
    assert len(values()) > 50
