"""The files of pictures below a folder, and what else is there that may count as a class."""

from __future__ import annotations

from collections import Counter, deque
from pathlib import Path
from typing import NamedTuple

from nas.data.examples import remark
from nas.errors import UsageError

SUFFIXES = {".png", ".jpg", ".jpeg"}
OTHERS = {
    *(".gif", ".bmp", ".webp", ".tif", ".tiff", ".heic", ".heif", ".avif", ".jp2", ".jxl", ".tga"),
    *(".ppm", ".pgm", ".pbm", ".svg", ".ico", ".jfif", ".jpe", ".psd", ".exr", ".dng", ".raw"),
}
"""Suffixes of pictures that are not read."""
SYSTEM = {"thumbs.db", "desktop.ini"}
HIDDEN = (".", "__MACOSX")
"""How names start that a system or a program puts beside what people see."""


class Found(NamedTuple):
    """What is below a folder."""

    files: list[Path]
    """PNG and JPEG files by their suffixes, sorted."""
    others: Counter[str]
    """How many pictures there are of other kinds, by suffix."""
    empty: frozenset[str]
    """Subfolders without a picture that is read, and without any file but other pictures."""

    @property
    def left_out(self) -> str:
        """A sentence about pictures that are not read, or nothing."""
        count = self.others.total()
        if not count:
            return ""
        kinds = ", ".join(sorted(self.others))
        files = "1 picture that is" if count == 1 else f"{count} pictures that are"
        return remark(f"left out {files} no PNG or JPEG: {kinds}")


def found(path: Path) -> Found:
    """The pictures below a folder, but not what systems and programs hide there.

    Links to folders are followed, but no folder is read twice, so that links cannot turn in a
    circle; a folder comes before a link to it. Raises UsageError if all pictures are of kinds that
    are not read, and OSError for a folder that cannot be read.
    """
    files, subfolders = _walked(path)
    pictures = sorted(file for file in files if file.suffix.lower() in SUFFIXES)
    others = Counter(suffix for file in files if (suffix := file.suffix.lower()) in OTHERS)
    if others and not pictures:
        count = "a picture" if others.total() == 1 else f"{others.total()} pictures"
        raise UsageError(
            f"{path} holds {count} of another kind ({', '.join(sorted(others))}), and only PNG "
            f"and JPEG are read: convert them"
        )
    used = {
        file.relative_to(path).parts[0]
        for file in files
        if file.suffix.lower() not in OTHERS and file.name.lower() not in SYSTEM
    }
    return Found(pictures, others, frozenset(subfolders - used))


def _walked(path: Path) -> tuple[list[Path], set[str]]:
    """All files below a folder, and the names of its subfolders."""
    files: list[Path] = []
    names: set[str] = set()
    seen: set[tuple[int, int]] = set()
    folders, links = deque([path]), deque[Path]()
    while folders or links:
        folder = folders.popleft() if folders else links.popleft()
        about = folder.stat()
        if (about.st_dev, about.st_ino) in seen:
            continue
        seen.add((about.st_dev, about.st_ino))
        if folder.parent == path:
            names.add(folder.name)
        for each in sorted(folder.iterdir()):
            if each.name.startswith(HIDDEN):
                continue
            if not each.is_dir():
                files.append(each)
            else:
                (links if each.is_symlink() else folders).append(each)
    return files, names
