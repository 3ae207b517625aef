"""What the documentation tests look at: pages, their fenced blocks, links and tables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.house.sources import ROOT

DOCS = ROOT / "docs"
#: a block that is a file says so in its first line: `# config/sources/erp/crm.yaml`, `# plugins/phones.py: …`
_PATH = re.compile(r"# ((?:config|plugins)/[\w./-]+\.(?:yaml|py))\b")
_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_CELL = re.compile(r"(?<!\\)\|")


@dataclass(frozen=True)
class Block:
    """One fenced block: its language, the file it is (or ""), its text and the line it starts in."""

    language: str
    path: str
    text: str
    line: int


def pages() -> list[Path]:
    """Return the pages whose examples and links are checked."""
    return [*sorted(ROOT.glob("README*.md")), *sorted(DOCS.rglob("*.md"))]


def name_of(page: Path) -> str:
    """Return a page's path from the top of the repository."""
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path) -> Iterator[Block]:
    """Yield the fenced blocks of a page."""
    text = page.read_text(encoding="utf-8")
    for match in _FENCE.finditer(text):
        path = _PATH.match(match[2])
        yield Block(match[1], path[1] if path else "", match[2], text.count("\n", 0, match.start()) + 1)


def prose(page: Path) -> str:
    """Return a page without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def links(page: Path) -> Iterator[str]:
    """Yield the relative links of a page."""
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if not re.match(r"[a-z]+:", target):
            yield target


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as the usual renderers make them."""
    heads = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def rows(page: Path, title: str) -> list[list[str]]:
    """Return the body of the table under a heading, cells without their outer white space."""
    section = re.split(rf"^## {re.escape(title)}$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)[1]
    lines = [line for line in re.split(r"^## ", section, flags=re.MULTILINE)[0].splitlines() if line.startswith("|")]
    return [[cell.strip().replace("\\|", "|") for cell in _CELL.split(line)[1:-1]] for line in lines[2:]]
