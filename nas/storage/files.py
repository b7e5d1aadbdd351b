"""Files that are replaced in one step, and folders that one process works in."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from nas.errors import UsageError


def replace_file(path: Path, content: str | bytes) -> None:
    """Write a file of the folder; one that is there is replaced in one step."""
    with _sentence(path.parent):
        _write(path, content)


@contextmanager
def working_in(folder: Path) -> Iterator[None]:
    """Have a folder for this process alone; if nothing comes of it, it is not left there.

    UsageError where it cannot be made, or another process works in it.
    """
    made = _made(folder)
    try:
        with _locked(folder):
            yield
    except BaseException:
        with suppress(OSError):  # those with something in them stay
            for path in made:
                path.rmdir()
        raise


def _made(folder: Path) -> list[Path]:
    """Make the folder; the folders that were not there before, the innermost first."""
    with _sentence(folder):
        if folder.exists() and not folder.is_dir():
            raise UsageError(f"out={folder} is no folder")
        missing = [path for path in (folder, *folder.parents) if not path.exists()]
        folder.mkdir(parents=True, exist_ok=True)
    return missing


@contextmanager
def _sentence(folder: Path) -> Iterator[None]:
    """An OSError inside becomes a UsageError about the folder."""
    try:
        yield
    except OSError as error:
        raise UsageError(f"{folder} cannot be written to: {error.strerror or error}") from error


def _write(path: Path, content: str | bytes) -> None:
    """Replace a file in one step: a reader sees the old or the new one, never half of it."""
    draft = path.with_name(f".{path.name}.draft")
    try:
        draft.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep other processes out of the folder, where the system can; a killed one lets go."""
    try:
        from fcntl import LOCK_EX, LOCK_NB, flock
    except ImportError:  # Windows
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            flock(handle, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            raise UsageError(f"another process is working in {folder}") from None
        yield
    finally:
        os.close(handle)
