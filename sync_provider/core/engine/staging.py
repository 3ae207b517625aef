"""Staging files between tasks: Arrow parts, manifest last, removed after the report."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlsplit

from sync_provider.core.engine.failpoints import failpoint
from sync_provider.core.errors import ConfigError, ResourceError

if TYPE_CHECKING:
    import polars as pl

_MANIFEST = "manifest.json"


def run_folder(staging: str, interface: str, run_id: str) -> Path:
    """Return the folder of one run under the `staging:` URL.

    Raises:
        ConfigError: the URL is not `file://`; other stores are not carried yet.
    """
    parts = urlsplit(staging)
    if parts.scheme != "file":
        raise ConfigError(f"staging {staging!r}: only file:// is supported", fix="set `staging: file:///some/folder`")
    name = quote(run_id, safe="+-_.")
    # a run called `..` would be the folder of all runs, and removed with it
    return Path(unquote(parts.path)) / interface / (name if name.strip(".") else name.replace(".", "%2E"))


class PartWriter:
    """Writes the parts of one stage's output: named frames and a JSON note each.

    Args:
        folder: emptied first; what an earlier, killed try left behind is never read.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._count = 0
        shutil.rmtree(folder, ignore_errors=True)
        try:
            folder.mkdir(parents=True)
        except OSError as error:
            raise _full(folder, error) from error

    def add(self, frames: Mapping[str, pl.DataFrame | None], note: Mapping[str, Any]) -> None:
        """Write one part; frames that are None are left out."""
        names = [name for name, frame in frames.items() if frame is not None]
        for name in names:
            frame = frames[name]
            path = self.folder / f"{self._count:06d}.{name}.arrow"
            failpoint("stage_write")
            try:
                frame.write_ipc(path, compression="lz4")  # type: ignore[union-attr]
            except OSError as error:
                raise _full(path, error) from error
        text = json.dumps({"frames": names, **note}, ensure_ascii=False)
        (self.folder / f"{self._count:06d}.json").write_text(text, encoding="utf-8")
        self._count += 1

    def close(self) -> str:
        """Write the manifest, which makes the parts readable, and return the folder's URI."""
        failpoint("manifest")
        partial = self.folder / (_MANIFEST + ".partial")
        with partial.open("w", encoding="utf-8") as file:
            json.dump({"parts": self._count, "id": uuid.uuid4().hex}, file)
            file.flush()
            os.fsync(file.fileno())
        partial.rename(self.folder / _MANIFEST)
        return self.folder.as_uri()


def identity(uri: str) -> str:
    """Return what names these very parts: written again, even of the same rows, they are others."""
    return str(_manifest(_folder(uri)).get("id", ""))


def read_parts(uri: str, skip: int = 0) -> Iterator[tuple[dict[str, pl.DataFrame], dict[str, Any]]]:
    """Yield each part's frames and note, in order, without the first `skip` parts.

    Raises:
        ResourceError: the parts are gone or were never completed.
    """
    import polars as pl

    folder = _folder(uri)
    for index in range(skip, _manifest(folder)["parts"]):
        note = json.loads((folder / f"{index:06d}.json").read_text(encoding="utf-8"))
        frames = {name: pl.read_ipc(folder / f"{index:06d}.{name}.arrow") for name in note.pop("frames")}
        yield frames, note


def _folder(uri: str) -> Path:
    return Path(unquote(urlsplit(uri).path))


def _manifest(folder: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ResourceError(
            f"staging {folder.name}: the files of the stage before are not there",
            fix="clear the run from `extract` on; with workers on several machines set `staging:` to shared storage",
        ) from error
    return found


def remove(folder: Path) -> None:
    """Remove a run's folder; what cannot be removed is left to `sweep`."""
    failpoint("cleanup")
    shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(OSError):
        folder.parent.rmdir()  # the interface's own, when this was its last run


def sweep(staging: str, older_than_s: float) -> int:
    """Remove the folders of runs that ended without a report, and return how many."""
    root = Path(unquote(urlsplit(staging).path))
    limit = time.time() - older_than_s
    old = [run for run in root.glob("*/*") if run.is_dir() and run.stat().st_mtime < limit]
    for run in old:
        shutil.rmtree(run, ignore_errors=True)
    return len(old)


def _full(path: Path, error: OSError) -> ResourceError:
    return ResourceError(
        f"staging {path.name}: {error.strerror or error}", fix="free space on the staging disk", code=str(error.errno)
    )
