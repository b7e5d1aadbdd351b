"""Compiling the kernels, each of them once where several processes need them at the same time."""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout

from nas.errors import UsageError
from nas.kernels import Planes, run
from nas.program import PLANE, Program

DTYPES = ("float32", "float64")
"""The dtypes that kernels are compiled for."""
LONGEST = 300
"""Seconds to wait for another process to compile: more than any machine takes."""


@cache
def compile_kernels(dtype: str) -> None:
    """Have the kernels for a dtype in this process: compiled, or from disk where they are there.

    Where another process is compiling them, this one compiles those for the other dtype, which a
    search needs soon, and then waits. UsageError where there is no room to keep them.
    """
    folder = run.stats.cache_path  # type: ignore[attr-defined]  # Numba's `Dispatcher.stats`
    if folder is None:  # nothing is kept: each process compiles for itself
        return
    (other,) = (each for each in DTYPES if each != dtype)
    try:
        try:
            _compile(dtype, folder, 0)
        except Timeout:
            with suppress(Timeout):
                _compile(other, folder, 0)
            with suppress(Timeout):
                _compile(dtype, folder, LONGEST)
    except OSError as error:
        raise UsageError(
            f"compiled kernels cannot be kept in {folder} ({error}): set NUMBA_CACHE_DIR to a "
            f"folder with room"
        ) from error


def _compile(dtype: str, folder: str, seconds: float) -> None:
    """Run the kernels on next to nothing; Timeout where another process does for so long."""
    with FileLock(Path(folder) / f"kernels-{dtype}.lock").acquire(timeout=seconds):
        Planes(np.ones((1, 1, 1, 1), dtype)).outputs(_plane(), [1.0])


def _plane() -> Program:
    """A network that gives back its input, of one pixel."""
    node, first = np.array([[PLANE, 1, 1, 0, 1, 1, 1]]), np.array([0, 1])
    one, number = np.zeros(1, np.int64), np.zeros(1)
    return Program(node.astype(np.int64), number, first.astype(np.int64), one, number, one)
