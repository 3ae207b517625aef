"""Testing the files of an interface: folder, files, every header."""

from __future__ import annotations

from sync_provider.core.errors import SyncError
from sync_provider.core.systems.csv.folder import matching, source_folder
from sync_provider.core.systems.csv.format import CsvFormat
from sync_provider.core.systems.csv.reader import CsvReader
from sync_provider.core.systems.probing import ProbeStep

#: headers are read of so many files
_HEADERS = 20


def probe(config_file: str, path: str, files: str, form: CsvFormat, interface: str) -> list[ProbeStep]:
    """Test one interface's files; reads no more than the first block of each.

    Args:
        config_file: the source's YAML file: relative paths start at the folder above its `config/`.
    """
    try:
        found = matching(source_folder(config_file, path), files, True, interface)
    except SyncError as error:
        return [ProbeStep.failed("folder", error)]
    if not found:
        return [ProbeStep("files", False, f"no file matches {files!r}", "correct `files:`, or write `missing: ok`")]
    steps = [ProbeStep("files", True, f"{len(found)} match {files!r}")]
    columns: tuple[str, ...] = ()
    for file in found[:_HEADERS]:
        try:
            reader = CsvReader(file, form)
        except SyncError as error:
            return [*steps, ProbeStep.failed(f"header {file.name}", error)]
        reader.close()
        columns = columns or reader.columns
        if set(columns) != set(reader.columns):
            differs = ", ".join(sorted(set(columns) ^ set(reader.columns)))
            steps.append(ProbeStep(f"header {file.name}", False, f"differs in {differs}", "make the headers equal"))
    return [*steps, ProbeStep("header", True, ", ".join(columns))]
