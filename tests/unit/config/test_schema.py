"""The JSON Schema accepts what the validator accepts, and flags what people mistype."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest

from sync_provider.core.config.reading import read_bytes
from sync_provider.core.config.schema import json_schema
from sync_provider.core.plan import load_project
from tests.golden.test_fuzz import GOOD

PROJECT = """\
version: 1
defaults: {schedule: manual, max_bad: {rows: 5}, retry: {delay: 30s}}
environments: {dev: {force: {owner: x}}}
"""
SHARED = PROJECT + "staging: {url: file:///mnt/sync, shared: true}\n"
FILES = """\
source: {type: file, path: inbox}
target: {connection: d}
interfaces:
  a: {files: '*.csv', write: append, format: {delimiter: ';'}}
"""


@pytest.fixture(scope="module")
def validator() -> Any:
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def plain(text: str) -> Any:
    root = read_bytes(text.encode(), "f").root
    assert root is not None
    return root.plain()


@pytest.mark.parametrize("text", [GOOD, PROJECT, PROJECT + "staging: /mnt/sync\n", SHARED, FILES])
def test_good_files_fit(text: str, validator: Any) -> None:
    assert [error.message for error in validator.iter_errors(plain(text))] == []


@pytest.mark.parametrize(
    ("text", "old", "new"),
    [
        (GOOD, "schedule:", "schedul:"), (GOOD, "type: postgres", "type: postgrs"), (GOOD, "not_null", "not_nul"),
        (GOOD, "lag: 10m", "lag: ten"), (GOOD, "trim", "trimm"), (GOOD, "on_fail", "on_fial"),
        (GOOD, "phone: partial", "phone: p"),
        (GOOD, "when: [failure]", "when: [fail]"), (PROJECT, "force", "forse"), (PROJECT, "version: 1", "version: 2"),
        (SHARED, "shared:", "share:"), (SHARED, "true", "maybe"),
        (FILES, "delimiter", "delimitr"), (FILES, "files:", "fils:"), (FILES, "path", "pth"),
    ],
)  # fmt: skip
def test_mistakes_do_not(text: str, old: str, new: str, validator: Any, tmp_path: Path) -> None:
    wrong = text.replace(old, new, 1)

    assert list(validator.iter_errors(plain(wrong)))
    folder = tmp_path / "config" / "sources" / "erp"
    folder.mkdir(parents=True)
    is_project = text is PROJECT
    (folder / "a.yaml").write_text(FILES if is_project else wrong, encoding="utf-8")
    (tmp_path / "config" / "project.yaml").write_text(wrong if is_project else PROJECT, encoding="utf-8")
    assert load_project(tmp_path / "config").problems
