"""The last good version of a source: its plans as text, kept in a folder while its YAML is broken."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from sync_provider.core.config.project_file import Settings
from sync_provider.core.contracts import Plan

if TYPE_CHECKING:
    from sync_provider.core.plan.project import Project

#: raised when the same text would mean something else; a copy of another number is not read
FORMAT = 1
_ENDING = ".json"


@dataclass(frozen=True)
class LastGood:
    """What a source was compiled to when it was good.

    Args:
        source: `library.source`.
        force: digest of what project.yaml forced on it.
        saved: when this version was first kept, ISO 8601 in UTC.
    """

    source: str
    environment: str
    plans: tuple[Plan, ...]
    force: str = ""
    saved: str = ""

    @property
    def digest(self) -> str:
        """16 hex digits that change with the plans and not with the time."""
        # config_hash leaves out what rows do not notice; here it counts too: an alert must reach whom it is for now
        seen = [
            (p.config_hash, p.store, p.staging, p.shared_files, p.title, p.source_title, p.owner, p.tags,
             [asdict(alert) for alert in p.alerts])
            for p in self.plans
        ]  # fmt: skip
        told = json.dumps([FORMAT, self.source, self.environment, self.force, seen])
        return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:16]

    def text(self) -> str:
        """Return a line that tells the digest, and a line with the plans; the same plans give the same text."""
        head = {"format": FORMAT, "digest": self.digest, "source": self.source, "environment": self.environment,
                "force": self.force, "saved": self.saved}  # fmt: skip
        return f"{_json(head)}\n{_json([plan.to_json() for plan in self.plans])}\n"

    def here(self, settings: Settings, file: str) -> LastGood:
        """Return it for this machine: paths from here, store and staging as project.yaml says where it can be read."""
        known = {} if settings.blocking else {
            "store": settings.store, "staging": settings.staging, "shared_files": settings.shared_files
        }  # fmt: skip
        place: dict[str, Any] = {"config_file": str(settings.top / file), **known}
        return replace(self, plans=tuple(replace(plan, **place) for plan in self.plans))


def as_kept(project: Project, when: datetime) -> Iterator[LastGood]:
    """Yield the version of each source that is good.

    Args:
        when: aware; as of when it is kept.
    """
    if project.settings is None:
        return
    saved, force = stamp(when), force_of(project.settings)
    for source in project.sources:
        if source.plans and not source.problems:
            yield LastGood(source.id, project.environment, source.plans, force, saved)


def stamp(when: datetime) -> str:
    """Return an aware time as it is kept: UTC, and so that later is greater."""
    return when.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def read_last_good(text: str) -> LastGood | None:
    """Read what `LastGood.text` returned; None where this version cannot, or where it was cut off."""
    try:
        head, plans = (json.loads(line) for line in text.rstrip("\n").split("\n"))
        if head["format"] != FORMAT:
            return None
        compiled = tuple(Plan.from_json(plan) for plan in plans)
        found = LastGood(head["source"], head["environment"], compiled, head["force"], head["saved"])
        whole = bool(compiled) and found.digest == head["digest"]
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    return found if whole else None


def digest_of(text: str) -> str:
    """Return the digest on the first line of a kept text; "" where there is none."""
    try:
        head = json.loads(text.partition("\n")[0])
        return str(head["digest"]) if head["format"] == FORMAT else ""
    except (ValueError, TypeError, KeyError):
        return ""


def force_of(settings: Settings) -> str:
    """Return a digest of what the environment forces on every source and lets it write; "" for nothing."""
    told = [part.plain() for part in (settings.force, settings.targets) if part is not None]
    return hashlib.sha256(_json(told).encode("utf-8", "surrogatepass")).hexdigest()[:16] if told else ""


class LastGoodFolder:
    """`<folder>/<environment>/<library>/<source>.json`: one file per source.

    A folder that cannot be written is left as it is: what is kept there is a help, never a condition.
    """

    def __init__(self, folder: Path, environment: str) -> None:
        self.folder = folder / (quote(environment, safe="").replace(".", "%2E") or "default")
        self._writable = True

    def read(self, source: str) -> str | None:
        """Return the text kept for a source, or None."""
        try:
            return self._path(source).read_text(encoding="utf-8")
        except (OSError, ValueError):
            return None

    def digest(self, source: str) -> str:
        """Return the digest of what is kept, from the first line alone; "" where nothing is."""
        try:
            with self._path(source).open(encoding="utf-8") as file:
                return digest_of(file.readline(4096))
        except (OSError, ValueError):
            return ""

    def write(self, version: LastGood) -> bool:
        """Keep one version in place of the one before; readers see the old text or the new one, never half of it."""
        path = self._path(version.source)
        if not self._writable:
            return False
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            draft.write_text(version.text(), encoding="utf-8")
            draft.replace(path)
        except (OSError, ValueError) as error:
            # one that holds text no file can hold is that source's affair; a folder of another user is everybody's
            self._writable = not isinstance(error, OSError)
            with contextlib.suppress(OSError):
                draft.unlink(missing_ok=True)
            return False
        return True

    def sources(self) -> Iterator[str]:
        """Yield the source of each file that is there."""
        for library in _entries(self.folder):
            for name in _entries(library):
                if name.suffix == _ENDING and not name.name.startswith("."):
                    yield f"{library.name}.{name.stem}"

    def forget(self, known: Iterable[str], unread: Sequence[str] = ()) -> None:
        """Remove what is kept of sources whose file is gone.

        Args:
            known: the sources there are.
            unread: libraries that could not be looked into; "" for all.
        """
        if "" in unread:
            return
        kept = set(known)
        for source in list(self.sources()):
            if source not in kept and source.partition(".")[0] not in unread:
                with contextlib.suppress(OSError):
                    self._path(source).unlink()

    def _path(self, source: str) -> Path:
        library, _, name = source.partition(".")
        return self.folder / library / f"{name}{_ENDING}"


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
