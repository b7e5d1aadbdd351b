"""An append-only file of lines that survives a kill: a torn last line is dropped."""

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
    """The lines of a file: they are read once, and then new lines are appended, unbuffered."""

    def __init__(self, path: Path) -> None:
        """The journal in the file at `path`, which may be absent; nothing is read or written."""
        self.path = path
        self.torn = False
        """Whether the last line that was read had no line end."""
        self._whole = 0  # bytes in whole lines
        self._file: FileIO | None = None

    def read(self) -> Iterator[bytes]:
        """Every whole line in order; a last line without a line end is torn and left out."""
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
        """Add a line; when this returns, the operating system has it.

        Raises UsageError if the file cannot be written to.
        """
        try:
            self._file = self._file or self._opened()
            rest = line.encode() + b"\n"
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            raise UsageError(f"{self.path} cannot be written to: {error.strerror}") from error

    def _opened(self) -> FileIO:
        """The open file, cut after its last whole line, positioned at its end."""
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
    """The record and the seconds of a line of `sealed`; raises ValueError if it was edited."""
    record = json.loads(line)
    seconds, check = record.pop("seconds"), record.pop("check")
    if _check(record) != check or not 0 <= seconds < inf:
        raise ValueError("it is not as it was written")
    return record, seconds


def _check(record: Mapping[str, Any]) -> str:
    return f"{crc32(json.dumps(record).encode()):08x}"


def sealed(record: Mapping[str, Any], seconds: float) -> str:
    """One line of JSON; `check` is the CRC-32 of all but the seconds, which always differ."""
    whole = {**record, "seconds": round(seconds, 6), "check": _check(record)}
    return json.dumps(whole, separators=(",", ":"))
