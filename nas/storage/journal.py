"""An append-only file of lines that survives a kill: a torn last line is dropped."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from io import FileIO
from math import inf
from pathlib import Path
from typing import Any
from zlib import crc32

from nas.errors import UsageError
from nas.storage.files import check_regular


class Journal:
    """The lines of a file: they are read once, and then new lines are appended, unbuffered."""

    def __init__(self, path: Path) -> None:
        """The journal in the file at `path`, which may be absent; nothing is read or written."""
        self.path = path
        self.torn = False
        """Whether the last line that was read had no line end."""
        self._whole = 0  # bytes in whole lines
        self._size = 0  # bytes of the file as it was read, then as it was written
        self._file: FileIO | None = None
        self._own: os.stat_result | None = None  # which file it is

    def read(self) -> Iterator[bytes]:
        """Every whole line in order; a last line without a line end is torn and left out."""
        self.torn, self._whole, self._size = False, 0, 0
        check_regular(self.path)
        try:
            if not self.path.exists():
                return
            with self.path.open("rb") as file:
                for line in file:
                    self._size += len(line)
                    if line.endswith(b"\n"):
                        self._whole += len(line)
                        yield line
                    else:
                        self.torn = True
        except OSError as error:
            raise UsageError(f"{self.path} cannot be read: {error.strerror}") from error

    def append(self, line: str) -> None:
        """Add a line; when this returns, the operating system has it.

        Raises UsageError if the file cannot be written to, or another program changed it.
        """
        try:
            self._file = self._file or self._opened()
            self.check()
            rest = line.encode() + b"\n"
            while rest:
                written = self._file.write(rest)
                self._size += written
                rest = rest[written:]
        except OSError as error:
            raise UsageError(f"{self.path} cannot be written to: {error.strerror}") from error

    def check(self) -> None:
        """UsageError where the file that was written to was removed, replaced, cut or added to."""
        if self._own is None:
            return
        try:
            found = self.path.stat()
            same = os.path.samestat(self._own, found) and found.st_size == self._size
        except OSError:
            same = False
        if not same:
            raise UsageError(
                f"{self.path} was removed or changed by another program while this one wrote to "
                f"it: what it holds now cannot be gone on with"
            )

    def _opened(self) -> FileIO:
        """The file, cut after its last whole line, and at its end."""
        check_regular(self.path)
        file = FileIO(self.path, "ab")
        if self.torn and os.fstat(file.fileno()).st_size == self._size:
            file.truncate(self._whole)
            self._size = self._whole
        self.torn = False
        self._own = os.fstat(file.fileno())
        return file

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None


def unsealed(line: str | bytes) -> tuple[dict[str, Any], float]:
    """The record and the seconds of a line that `sealed` wrote; ValueError if it was edited."""
    try:
        record = json.loads(line if isinstance(line, str) else line.decode("utf-8"))
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    seconds, check = record.pop("seconds"), record.pop("check")
    if check_of(record) != check or not 0 <= seconds < inf:
        raise ValueError("it is not as it was written")
    return record, seconds


def check_of(record: Mapping[str, Any]) -> str:
    """What protects a record: the CRC-32 of its JSON."""
    return f"{crc32(json.dumps(record).encode()):08x}"


def sealed(record: Mapping[str, Any], seconds: float) -> str:
    """One line of JSON; `check` is the CRC-32 of all but the seconds, which differ every time."""
    whole = {**record, "seconds": round(seconds, 6), "check": check_of(record)}
    return json.dumps(whole, separators=(",", ":"))
