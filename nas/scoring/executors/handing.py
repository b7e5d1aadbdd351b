"""Bytes for processes that are started, without a pipe that a dead one would hold up."""

from __future__ import annotations

import os
import sys
import tempfile
from multiprocessing.reduction import DupFd
from pathlib import Path
from typing import Any


class Handed:
    """Bytes in a temporary file; as an argument of a process that is started it reads them there.

    The file has no name where the system allows that, so that nothing is left of it however the
    processes end.
    """

    def __init__(self, content: bytes) -> None:
        self._path: Path | None = None
        if sys.platform == "win32":
            self._file = tempfile.NamedTemporaryFile(prefix="nas-", delete=False)  # noqa: SIM115
            self._path = Path(self._file.name)
        else:
            self._file = tempfile.TemporaryFile(prefix="nas-")  # noqa: SIM115
        self._file.write(content)
        self._file.flush()

    def __reduce__(self) -> tuple[Any, ...]:
        """While a process is started: what reads the file there."""
        return Reader, (DupFd(self._file.fileno()) if self._path is None else self._path,)

    def close(self) -> None:
        """Let the file go."""
        self._file.close()
        if self._path is not None:
            self._path.unlink(missing_ok=True)


class Reader:
    """The other end of a `Handed`."""

    def __init__(self, source: Any) -> None:
        self._source = source

    def read(self) -> bytes:
        """The bytes; once."""
        if isinstance(self._source, Path):
            return self._source.read_bytes()
        with os.fdopen(self._source.detach(), "rb") as file:
            # from a place: processes that are started together share where they are in the file
            size, content = os.fstat(file.fileno()).st_size, bytearray()
            while len(content) < size:
                content += os.pread(file.fileno(), size - len(content), len(content))
            return bytes(content)
