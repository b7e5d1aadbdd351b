"""Standard streams that may be closed, full, or unable to show a character."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from typing import Any, NoReturn, TextIO, cast

from nas.errors import UsageError


def prepare() -> None:
    """Have three open streams: what a closed one should show is lost, and so is a strange letter.

    A closed one is opened as the null device, or the next file opened would take its number.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    # they are there as long as the process
    sys.stdout = sys.stdout or _nowhere()
    sys.stderr = sys.stderr or _nowhere()
    for stream, errors in ((sys.stdout, "replace"), (sys.stderr, "backslashreplace")):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors=errors)

    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout = cast(TextIO, _Output(sys.stdout))


class _Output:
    """Standard output; UsageError where it takes no more."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Print."""
        with _told(self._stream):
            return self._stream.write(text)

    def flush(self) -> None:
        """Print what is held back."""
        with _told(self._stream):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def _told(stream: TextIO) -> Iterator[None]:
    """An OSError of standard output becomes a UsageError."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        drop(stream)
        raise UsageError(
            f"standard output cannot be written to: {error.strerror or error}"
        ) from error


def _nowhere() -> TextIO:
    return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123  (a device, no file)


def drop(stream: TextIO) -> None:
    """Lose what the stream still holds, or the interpreter would fail over it at its end."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def fail(message: str, code: int) -> NoReturn:
    """Say a sentence on standard error, after all that was printed, and exit."""
    with suppress(UsageError, BrokenPipeError):
        sys.stdout.flush()
    try:
        print(" ".join(message.splitlines()), file=sys.stderr, flush=True)
    except (OSError, ValueError):  # nobody can be told
        drop(sys.stderr)
    sys.exit(code)
