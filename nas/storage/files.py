"""Files that are replaced in one step, and folders that only one process works in."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import ENAMETOOLONG
from pathlib import Path

from nas.errors import UsageError


def path_of(text: str, option: str = "") -> Path:
    """The path that a text names, with the user's home in place of ~.

    UsageError, which begins with `option`, where no file can have this name.
    """
    try:
        path = Path(text).expanduser()
    except RuntimeError:
        raise UsageError(f"{option}{text} names the home of a user who is not there") from None
    try:
        os.lstat(path)
    except ValueError:
        raise UsageError(f"{option}{text!r} cannot be the name of a file") from None
    except OSError as error:
        if error.errno == ENAMETOOLONG and option:
            raise UsageError(
                f"{option}{text} cannot be written to or read: {error.strerror}"
            ) from None
        if error.errno == ENAMETOOLONG:
            raise UsageError(f"there is no file {text}: {error.strerror}") from None
    return path


def is_there(path: Path) -> bool:
    """Whether a path exists; one that cannot be looked for does not."""
    try:
        return path.exists()
    except (OSError, ValueError):  # a name that is too long
        return False


def check_regular(path: Path) -> None:
    """UsageError for what is there and is no file, such as a pipe, whose reader would wait."""
    with _sentence(path, "read"):
        if path.exists() and not path.is_file():
            raise UsageError(f"{path} cannot be read: it is no regular file")


def check_replaceable(path: Path) -> None:
    """UsageError where a folder is in the place of a file that is to be written."""
    with _sentence(path):
        if path.is_dir():
            raise UsageError(f"{path} cannot be written to: it is a folder")


def check_folder_place(path: Path) -> None:
    """UsageError where anything but a folder is in the place of a folder that is to be there."""
    with _sentence(path):
        if os.path.lexists(path) and not path.is_dir():
            raise UsageError(f"{path} cannot be written to: it is no folder")


def replace_file(path: Path, content: str | bytes) -> None:
    """Write a file; an existing file is replaced in one step. Raises UsageError if it fails.

    A file that has the content already is left alone.
    """
    with _sentence(path.parent):
        data = content if isinstance(content, bytes) else content.encode()
        if not (path.is_file() and path.stat().st_size == len(data) and path.read_bytes() == data):
            _write(path, data)


def made_folder(path: Path) -> None:
    """Make a folder that may be there; UsageError where that fails."""
    check_folder_place(path)
    with _sentence(path):
        path.mkdir(parents=True, exist_ok=True)


def remove_file(path: Path) -> None:
    """Remove a file that may be there; UsageError where that fails."""
    with _sentence(path):
        path.unlink(missing_ok=True)


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
def _sentence(path: Path, what: str = "written to") -> Iterator[None]:
    """Turn an OSError inside into a UsageError about the file or folder."""
    try:
        yield
    except OSError as error:
        raise UsageError(f"{path} cannot be {what}: {error.strerror or error}") from error


def _write(path: Path, content: bytes) -> None:
    """Replace a file in one step: a reader sees the old or the new file, never a part of it."""
    draft = path.with_name(f".{path.name}.draft")
    try:
        draft.write_bytes(content)
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
    with _sentence(folder):
        handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            flock(handle, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            raise UsageError(f"another process is working in {folder}") from None
        yield
    finally:
        os.close(handle)
