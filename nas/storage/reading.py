"""Files of users read within a limit: a small one cannot ask for all the memory, or for ever."""

from __future__ import annotations

import bz2
import codecs
import gzip
import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader, RawIOBase
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import IO, Any

from nas.errors import UsageError

VARIABLE = "NAS_MAX_BYTES"
"""The environment variable with the most bytes that a file may hold, unpacked."""
MOST, RATIO = 100_000_000, 10
"""Where it is not set: so many bytes, or so many times what the file takes on the disk."""
MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""What a text may begin with, the longer ones first, and the encoding that it tells."""


def limit(path: Path) -> int:
    """The most bytes that a file may hold, unpacked."""
    setting = os.environ.get(VARIABLE)
    if setting:  # it may be set to nothing
        if not setting.isdecimal() or not int(setting):
            raise UsageError(f"{VARIABLE}={setting} must be a whole number of bytes from 1 on")
        return int(setting)
    found = path.stat()
    on_disk = min(found.st_size, getattr(found, "st_blocks", found.st_size) * 512)
    return max(MOST, RATIO * on_disk)


def check_size(path: Path, size: int, what: str = "bytes, unpacked") -> None:
    """UsageError where a file would come to more than its limit."""
    most = limit(path)
    if size > most:
        raise UsageError(_too_much(path, most, what))


def _too_much(path: Path, most: int, what: str = "bytes, unpacked") -> str:
    return (
        f"{path} holds more than {most:,} {what}: the environment variable {VARIABLE}=NUMBER "
        f"allows more"
    )


def check_regular(path: Path) -> None:
    """UsageError for what is no file with an end, such as a device or a pipe; folders pass."""
    mode = path.stat().st_mode
    if not S_ISREG(mode) and not S_ISDIR(mode):
        raise UsageError(f"{path} is a device or a pipe: it must be a file on a disk")


@contextmanager
def opened(path: Path, packing: str = "") -> Iterator[BufferedReader[_Limited]]:
    """The bytes of a regular file, unpacked if `packing` is gz or bz2.

    UsageError as soon as more than its limit are read. What is raised for damaged files is what
    gzip and bz2 raise.
    """
    check_regular(path)
    with path.open("rb") as file, unpacked(file, path, packing) as stream:
        yield stream


@contextmanager
def unpacked(file: IO[bytes], path: Path, packing: str = "") -> Iterator[BufferedReader[_Limited]]:
    """What is in a stream of the file at `path`; the same errors."""
    whole: Any = file
    if packing:
        whole = gzip.GzipFile(fileobj=file) if packing == "gz" else bz2.BZ2File(file)
    with BufferedReader(_Limited(whole, limit(path), path), 2**16) as stream:
        yield stream


def content(path: Path, packing: str = "") -> bytes:
    """All bytes of a file; see `opened`."""
    with opened(path, packing) as stream:
        return stream.read()


def decoded(raw: bytes) -> str:
    """A text in UTF-8, or in what its byte-order mark tells; UnicodeDecodeError if it is none."""
    for mark, encoding in MARKS.items():
        if raw.startswith(mark):
            return raw.decode(encoding)
    return raw.decode("utf-8")


class _Limited(RawIOBase):
    """A stream that ends with a UsageError after so many bytes."""

    def __init__(self, stream: Any, most: int, path: Path) -> None:
        super().__init__()
        self.stream, self.most, self.path = stream, most, path
        self.left = most

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count: int = self.stream.readinto(buffer)
        self.left -= count
        if self.left < 0:
            raise UsageError(_too_much(self.path, self.most))
        return count
