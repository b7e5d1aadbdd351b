"""Compiling the kernels: several processes that start together share the work."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numba
import numpy as np
from filelock import FileLock, Timeout
from numba.core import config

from nas.collapse import kernels, program
from nas.collapse.kernels import run
from nas.collapse.planes import Planes
from nas.collapse.program import GATE, PLANE, Program
from nas.errors import UsageError

DTYPES = ("float32", "float64")
"""The dtypes that kernels are compiled for."""
LONGEST = 300
"""How many seconds a process waits for another one to compile; no machine takes so long."""
SECONDS = 7
"""About how many seconds it takes to compile the kernels for one dtype."""


def are_compiled(dtype: str) -> bool:
    """Whether the kernels for a dtype are on disk; False where Numba keeps nothing there."""
    folder = run.stats.cache_path  # type: ignore[attr-defined]  # Numba's `Dispatcher.stats`
    return folder is not None and _done(Path(folder), dtype).exists()


@cache
def compile_kernels(dtype: str, gates: bool = False) -> None:
    """Compile the kernels for a dtype (one of `DTYPES`) and keep them on disk.

    Those for programs with gates are others, which take longer.

    If they are on disk already, nothing is compiled. If another process is compiling them, this
    one compiles the kernels for the other dtype, which a search needs soon, and then waits.
    UsageError if the disk has no room.
    """
    folder = run.stats.cache_path  # type: ignore[attr-defined]  # Numba's `Dispatcher.stats`
    if folder is None:  # Numba keeps nothing on disk: each process compiles for itself
        return
    (other,) = (each for each in DTYPES if each != dtype)
    try:
        if not _compiled(dtype, Path(folder), 0, gates):
            _compiled(other, Path(folder), 0, gates)
            _compiled(dtype, Path(folder), LONGEST, gates)
    except OSError as error:
        raise UsageError(
            f"compiled kernels cannot be kept in {folder} ({error}): set NUMBA_CACHE_DIR to a "
            f"folder with room"
        ) from error


def _compiled(dtype: str, folder: Path, seconds: float, gates: bool = False) -> bool:
    """Compile the kernels if they are not on disk.

    False if another process is still compiling them after `seconds`.
    """
    done = _done(folder, f"{dtype}-gates" if gates else dtype)
    if done.exists():
        return True
    lock = FileLock(folder / f"{done.stem}.lock")
    try:
        lock.acquire(timeout=seconds)
    except Timeout:
        return False
    except (OSError, NotImplementedError):  # this file system has no locks: compile at once
        pass
    try:
        if not done.exists():
            with _quickly():
                planes = Planes(np.ones((1, 1, 1, 1), dtype))
                next(planes.outputs(_gate() if gates else _plane(), [1.0]))
            with suppress(OSError):
                done.touch()
    finally:
        lock.release()
    return True


@contextmanager
def _quickly() -> Iterator[None]:
    """Compile without garbage collections and costly optimisations: a tenth of the time each.

    Collections find little, and loops are vectorised without such optimisations, too: the kernels
    are as fast.
    """
    settings: Any = config  # Numba reads them from the environment
    collects, level = gc.isenabled(), settings.OPT
    gc.disable()
    settings.OPT = min(level, type(level)(1))
    try:
        yield
    finally:
        settings.OPT = level
        if collects:
            gc.enable()


def _done(folder: Path, name: str) -> Path:
    """The file that says that the kernels for a dtype, which is in the name, are compiled."""
    return folder / f"kernels-{name}.{_version()}"


@cache
def _version() -> str:
    """A digest of what compiled kernels depend on, except the processor."""
    parts = [Path(kernels.__file__).read_bytes(), Path(program.__file__).read_bytes()]
    versions = f"{numba.__version__} {np.__version__} {sys.version}"
    return sha256(b"\n".join([*parts, versions.encode()])).hexdigest()[:16]


def _plane() -> Program:
    """The program of a network whose output is its input, one pixel."""
    node, first = np.array([[PLANE, 1, 1, 0, 1, 1, 1]]), np.array([0, 1])
    one, number = np.zeros(1, np.int64), np.zeros(1)
    return Program(node.astype(np.int64), number, first.astype(np.int64), one, number, one)


def _gate() -> Program:
    """The program of a network that is a gate, one pixel."""
    nodes = np.array([[PLANE, 1, 1, 0, 1, 1, 1], [GATE, 1, 1, 0, 1, 1, 1]], np.int64)
    sources, outputs = np.array([1, 0], np.int64), np.array([1], np.int64)
    return Program(nodes, np.zeros(2), np.arange(3, dtype=np.int64), sources, np.zeros(2), outputs)
