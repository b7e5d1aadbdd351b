"""Files that are replaced in one step, and folders that only one process works in."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from nas.errors import UsageError


def replace_file(path: Path, content: str | bytes) -> None:
    """Write a file; an existing file is replaced in one step. Raises UsageError if it fails."""
    with _sentence(path.parent):
        _write(path, content)


@contextmanager
def working_in(folder: Path) -> Iterator[None]:
    """Use a folder in this process alone; after an error, an empty new folder is removed.

    Raises UsageError if it cannot be made, or if another process works in it.
    """
    made = _made(folder)
    try:
        with _locked(folder):
            yield
    except BaseException:
        with suppress(OSError):  # folders that are not empty stay
            for path in made:
                path.rmdir()
        raise


def _made(folder: Path) -> list[Path]:
    """Make the folder; return the folders that did not exist before, the innermost first."""
    with _sentence(folder):
        if folder.exists() and not folder.is_dir():
            raise UsageError(f"out={folder} is no folder")
        missing = [path for path in (folder, *folder.parents) if not path.exists()]
        folder.mkdir(parents=True, exist_ok=True)
    return missing


@contextmanager
def _sentence(folder: Path) -> Iterator[None]:
    """Turn an OSError inside into a UsageError about the folder."""
    try:
        yield
    except OSError as error:
        raise UsageError(f"{folder} cannot be written to: {error.strerror or error}") from error


def _write(path: Path, content: str | bytes) -> None:
    """Replace a file in one step: a reader sees the old or the new file, never a part of it."""
    draft = path.with_name(f".{path.name}.draft")
    try:
        draft.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Lock the folder against other processes, if the system can; a kill ends the lock."""
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
