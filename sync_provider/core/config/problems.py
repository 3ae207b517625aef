"""What is wrong with the configuration, and where: one Problem per mistake, printed the same way everywhere."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING
from unicodedata import east_asian_width

if TYPE_CHECKING:
    from collections.abc import Iterable

#: what may not be printed: the value after a secret-looking key, and the password inside a URL
_CONFIDENTIAL = r"password|passwd|passphrase|pwd|secret|token|api_?key|access_?key|private_?key|credentials?"
#: the lookbehind lets each word be tried once: a line may be a megabyte of one word
_SECRETS = re.compile(
    rf"(?P<key>(?<![\w-])[\w-]*(?:{_CONFIDENTIAL})['\"]?\s*[:=]\s*)(?P<value>\"[^\"]*\"?|'[^']*'?|[^\s,}}\]]+)"
    r"|(?P<scheme>://)(?P<login>[^/\s@]+)(?=@)",
    re.IGNORECASE,
)
_NAMES_SECRET = re.compile(rf"(?:.*[_-])?(?:{_CONFIDENTIAL})", re.IGNORECASE)
_EXCERPT_WIDTH = 140


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in one file.

    Args:
        file: path from the project root, with forward slashes.
        line, column: from 1; 1:1 when the whole file is meant.
        path: keys that lead there, `interfaces.orders.checks[1].range`; "" for the file itself.
        fix: one imperative, or "" when the message already says it.
        severity: error | warning.
        excerpt: the line itself, without secrets.
        caret: column of the caret in `excerpt`, from 1.
        template: where it is written, when a template of project.yaml brings it to the place above.
    """

    file: str
    line: int
    column: int
    path: str
    message: str
    fix: str = ""
    severity: str = "error"
    excerpt: str = ""
    caret: int = 1
    template: Problem | None = None

    def one_line(self) -> str:
        """Return `file:line:column path: message; fix`."""
        head = f"{self.where()} {self.path}:" if self.path else f"{self.where()}:"
        warning = "warning: " if self.severity == "warning" else ""
        origin = f" ({self.template.where()})" if self.template else ""
        return f"{head} {warning}{self.message}{origin}" + (f"; fix: {self.fix}" if self.fix else "")

    def where(self) -> str:
        """Return `file:line:column`."""
        return f"{self.file}:{self.line}:{self.column}"

    def text(self) -> str:
        """Return the message, the line it is about, a caret under the place, the template's line, and the fix."""
        lines = [replace(self, fix="", template=None).one_line()]
        if self.excerpt.strip():
            number = f"{self.line:>6}"
            lines += [f"{number} | {self.excerpt}", f"{' ' * len(number)} | {self._pad()}^"]
        lines += [self.template.text()] if self.template else []
        return "\n".join(lines + ([f"  fix: {self.fix}"] if self.fix else []))

    def _pad(self) -> str:
        """Blanks as wide as a terminal shows the text before the caret: a Chinese character takes two."""
        before = self.excerpt[: self.caret - 1].ljust(self.caret - 1)
        return "".join("\t" if c == "\t" else "  " if east_asian_width(c) in "WF" else " " for c in before)


def sorted_unique(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Return problems by place, each once: an inherited value is looked at once per interface."""
    seen = {(p.file, p.line, p.column, p.message): p for p in problems}
    return tuple(sorted(seen.values(), key=lambda p: (p.file, p.line, p.column, p.message)))


def secret_name(key: str) -> bool:
    """Whether a key looks as if its value were a secret."""
    return bool(_NAMES_SECRET.fullmatch(key))


def redact(text: str) -> str:
    """Replace every value that looks like a secret."""
    return _SECRETS.sub(_stars, text)


def excerpt(line: str, column: int) -> tuple[str, int]:
    """Return a line fit for printing and the caret's column in it.

    Args:
        column: from 1, in the line as written.
    """
    caret = column
    for match in _SECRETS.finditer(line):
        if match.end() < column:
            caret += len(_stars(match)) - len(match[0])
    shown = redact(line.rstrip("\r\n"))
    if len(shown) > _EXCERPT_WIDTH:
        start = max(0, min(caret - _EXCERPT_WIDTH // 2, len(shown) - _EXCERPT_WIDTH))
        shown, caret = shown[start : start + _EXCERPT_WIDTH], caret - start
    return shown, max(1, caret)


def _stars(match: re.Match[str]) -> str:
    return f"{match['key'] or match['scheme']}***"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return `; did you mean 'x'?`, or "" when nothing is near."""
    near = get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"; did you mean {near[0]!r}?" if near else ""


def not_one_of(word: object, known: Iterable[str]) -> str:
    """Return `'x' is not one of a, b; did you mean 'a'?`."""
    words = list(known)
    return f"{shown(word)} is not one of {', '.join(words)}{did_you_mean(str(word), words)}"


def unknown(what: str, word: str, known: Iterable[str]) -> str:
    """Return `unknown <what> 'x'` with the nearest word, or else all words known."""
    words = sorted(known)
    return f"unknown {what} {word!r}" + (did_you_mean(word, words) or f"; known: {', '.join(words)}")


def shown(value: object) -> str:
    """Return a value as it may stand in a message: short, without secrets."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "a map"
    if isinstance(value, (list, tuple)):
        return "a list"
    text = redact(repr(value))
    return text if len(text) <= 60 else f"{text[:57]}…'"
