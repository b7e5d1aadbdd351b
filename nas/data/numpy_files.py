"""The arrays of .npy and .npz files, by name; nothing in them is unpickled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.npyio import NpzFile
from numpy.typing import NDArray

from nas.data.folders import reason
from nas.errors import UsageError
from nas.storage.reading import check_size

ONLY = "array"
"""The name of the one array of an .npy file."""


@contextmanager
def opened_arrays(path: Path) -> Iterator[Mapping[str, NDArray[Any]]]:
    """The arrays of a file by name; one of an .npz is read when it is asked for.

    A plain array is read no further than it is used. UsageError for what is no numpy file of
    numbers, and for an array of more bytes than the file's limit.
    """
    try:
        with path.open("rb") as stream:
            if stream.peek(2)[:2] == b"PK":
                yield _Archive(path, np.load(stream, allow_pickle=False))
                return
            array = np.load(path, allow_pickle=False, mmap_mode="r")
        yield {ONLY: array}
    except (UsageError, OSError):
        raise
    except Exception as error:  # numpy, zipfile and zlib raise many classes for damaged files
        why = reason(error)
        if "pickle" in why:  # numpy's advice is to run what is in the file
            objects = why.startswith("Object arrays")
            why = "it holds objects of Python" if objects else "it is damaged, or of another kind"
        raise UsageError(f"{path} is no numpy file of numbers ({why})") from error


class _Archive(Mapping[str, NDArray[Any]]):
    """The arrays of an .npz file."""

    def __init__(self, path: Path, archive: NpzFile) -> None:
        self.path, self.archive = path, archive

    def __getitem__(self, name: str) -> NDArray[Any]:
        assert self.archive.zip is not None
        members = self.archive.zip.infolist()
        sizes = [each.file_size for each in members if each.filename.removesuffix(".npy") == name]
        check_size(self.path, sum(sizes))
        array = self.archive[name]
        if not isinstance(array, np.ndarray):
            raise UsageError(f"{self.path} holds a file that is no numpy array")
        return array

    def __iter__(self) -> Iterator[str]:
        return iter(self.archive.files)

    def __len__(self) -> int:
        return len(self.archive.files)
