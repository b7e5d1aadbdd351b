"""An append-only file of lines that survives a kill: a torn last one is dropped, never guessed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from io import FileIO
from math import inf
from pathlib import Path
from typing import Any
from zlib import crc32

from nas.errors import UsageError


class Journal:
    """The lines of a file, read once and then appended to, unbuffered."""

    def __init__(self, path: Path) -> None:
        """Of the file at `path`, which may be absent; nothing is read or written yet."""
        self.path = path
        self.torn = False
        """Whether the last line read had no end."""
        self._whole = 0  # bytes in whole lines
        self._file: FileIO | None = None

    def read(self) -> Iterator[bytes]:
        """Every whole line in turn; a last one without its end is torn and left out."""
        self.torn, self._whole = False, 0
        try:
            if not self.path.exists():
                return
            with self.path.open("rb") as file:
                for line in file:
                    if line.endswith(b"\n"):
                        self._whole += len(line)
                        yield line
                    else:
                        self.torn = True
        except OSError as error:
            raise UsageError(f"{self.path} cannot be read: {error.strerror}") from error

    def append(self, line: str) -> None:
        """Add a line; it is with the operating system when this returns.

        UsageError where the file cannot be written to.
        """
        try:
            self._file = self._file or self._opened()
            rest = line.encode() + b"\n"
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            raise UsageError(f"{self.path} cannot be written to: {error.strerror}") from error

    def _opened(self) -> FileIO:
        """The file, cut after its last whole line, and at its end."""
        file = FileIO(self.path, "ab")
        if self.torn:
            file.truncate(self._whole)
            self.torn = False
        return file

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None


def unsealed(line: str | bytes) -> tuple[dict[str, Any], float]:
    """The record and the seconds of a line that `sealed` wrote; ValueError if it was edited."""
    record = json.loads(line)
    seconds, check = record.pop("seconds"), record.pop("check")
    if _check(record) != check or not 0 <= seconds < inf:
        raise ValueError("it is not as it was written")
    return record, seconds


def _check(record: Mapping[str, Any]) -> str:
    return f"{crc32(json.dumps(record).encode()):08x}"


def sealed(record: Mapping[str, Any], seconds: float) -> str:
    """One line of JSON; `check` is the CRC-32 of all but the seconds, which differ every time."""
    whole = {**record, "seconds": round(seconds, 6), "check": _check(record)}
    return json.dumps(whole, separators=(",", ":"))
