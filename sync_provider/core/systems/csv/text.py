"""The bytes of a file as UTF-8 chunks, whatever its encoding and compression; nothing undecodable gets lost."""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import BinaryIO, cast

from sync_provider.core.errors import ConfigError, DataError

_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
#: bytes that cannot be decoded travel as U+DC00 + byte: code points no decodable text contains
_ESCAPE = 0xDC00
_HANDLER = "sync_provider.keep_undecodable"


def _keep_undecodable(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "".join(chr(_ESCAPE + byte) for byte in error.object[error.start : error.end]), error.end


codecs.register_error(_HANDLER, _keep_undecodable)


@contextmanager
def open_bytes(path: Path) -> Iterator[BinaryIO]:
    """Open a file for reading, unpacking `.gz` and `.zst`."""
    try:
        with path.open("rb") as raw:
            yield _unpacked(path, raw)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"file {path.name}: not a whole gzip file: {error}", fix="send the file again") from error
    except OSError as error:
        raise unreadable(path, error) from error


def _unpacked(path: Path, raw: BinaryIO) -> BinaryIO:
    if path.suffix == ".gz":
        return cast(BinaryIO, gzip.GzipFile(fileobj=raw))
    if path.suffix == ".zst":
        try:
            zstandard = import_module("zstandard")
        except ImportError as error:
            raise ConfigError(f"file {path.name}: reading .zst needs a package", "pip install zstandard") from error
        return cast(BinaryIO, io.BufferedReader(zstandard.ZstdDecompressor().stream_reader(raw)))
    return raw


def unreadable(path: Path, error: OSError) -> ConfigError:
    """Say that a path cannot be read, and why."""
    return ConfigError(
        f"{path}: {error.strerror or error}",
        fix="check the path, and that the user running the task may read it",
        code=str(error.errno or ""),
    )


def chunks(path: Path, encoding: str, size_bytes: int) -> Iterator[bytes]:
    """Yield a file as UTF-8.

    Where the file is UTF-8 its bytes pass untouched, invalid ones too. From other encodings, undecodable bytes
    come as UTF-8 coded surrogates, which is invalid UTF-8 as well: `decode` tells both.

    Raises:
        ConfigError: it cannot be read, or starts with the mark of another encoding.
    """
    decoder = None if encoding == "utf-8" else codecs.getincrementaldecoder(encoding)(_HANDLER)
    with open_bytes(path) as stream:
        mark = stream.read(4)
        _check_mark(path, mark, encoding)
        chunk = (mark + stream.read(size_bytes)).removeprefix(codecs.BOM_UTF8 if decoder is None else b"")
        while chunk:
            yield chunk if decoder is None else decoder.decode(chunk).encode("utf-8", "surrogatepass")
            chunk = stream.read(size_bytes)
        if decoder is not None:
            yield decoder.decode(b"", True).encode("utf-8", "surrogatepass")


def _check_mark(path: Path, start: bytes, encoding: str) -> None:
    found = next((name for mark, name in _BOMS if start.startswith(mark)), encoding)
    if not encoding.startswith((found, "utf-16", "utf-32")):
        raise ConfigError(
            f"file {path.name}: starts with the byte order mark of {found}, format.encoding is {encoding}",
            fix=f"write `format: {{encoding: {found}}}`",
        )


def decode(record: bytes, encoding: str) -> tuple[str, bytes]:
    """Read one record of `chunks`.

    Returns:
        Its text, undecodable bytes written as `\\xNN`, and those bytes alone (b"" when all is well).
    """
    text = record.decode("utf-8", _HANDLER if encoding == "utf-8" else "surrogatepass")
    bad = bytes(ord(char) - _ESCAPE for char in text if _is_escape(char))
    if bad:
        text = "".join(f"\\x{ord(char) - _ESCAPE:02x}" if _is_escape(char) else char for char in text)
    return text, bad


def _is_escape(char: str) -> bool:
    return _ESCAPE <= ord(char) < _ESCAPE + 256
