"""Reads pickles as data: it imports nothing that they name and runs no code in them."""

from __future__ import annotations

import pickle
import struct
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from nas.storage.reading import VARIABLE

TIMES = 8
"""A pickle's content takes about five times its bytes."""


class Inert:
    """Replaces any object that a pickle names: it keeps its arguments and state, no more."""

    args: tuple[Any, ...] = ()
    state: Any = None

    def __init__(self, *args: object) -> None:
        self.args = args

    def __setstate__(self, state: object) -> None:
        self.state = state


def read(stream: IO[bytes], most: int | None = None, encoding: str = "ASCII") -> Any:
    """The next pickle of a stream: containers, texts and numbers, numpy's scalars among them.

    Arrays and tensors become `Inert` objects with the arguments and the state of the original.
    Raises UnpicklingError if the pickle names anything else; a damaged pickle may raise any error.
    `encoding` is that of Python 2's texts. `most` is the limit of the file
    (`nas.storage.reading`): a content that takes more than `TIMES` as much memory is refused with
    an UnpicklingError, because a few bytes can ask for all memory.
    """
    if most is None:
        return _Unpickler(stream, encoding=encoding).load()
    with _memory(TIMES * most):
        try:
            return _Unpickler(stream, encoding=encoding).load()
        except MemoryError:
            pass  # there is more of it again outside
    raise pickle.UnpicklingError(
        f"it takes more than {TIMES * most:,} bytes of memory, {TIMES} times the {most:,} that "
        f"the environment variable {VARIABLE}=NUMBER sets"
    )


@contextmanager
def _memory(more: int) -> Iterator[None]:
    """MemoryError where the process comes to need so many bytes more; nothing but on Linux."""
    if sys.platform != "linux":
        yield
        return
    import resource

    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    before = resource.getrlimit(resource.RLIMIT_AS)
    known = [each for each in before if each != resource.RLIM_INFINITY]
    most = min([pages * resource.getpagesize() + more, *known])
    resource.setrlimit(resource.RLIMIT_AS, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


class _Unpickler(pickle.Unpickler):
    """Finds names only in the table below, and never imports."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in MEANINGS:
            return MEANINGS[module, name]
        if module.partition(".")[0] in ("numpy", "torch"):
            return _scalar if name == "scalar" else Inert
        raise pickle.UnpicklingError(f"it names {module}.{name}")

    def persistent_load(self, key: object) -> Inert:
        """A placeholder for a tensor's numbers, which torch stores outside the pickle."""
        return Inert(key)


def _latin1(text: str, _: str) -> bytes:
    return text.encode("latin1")


def _scalar(kind: Inert, raw: bytes) -> Any:
    """A scalar of numpy as a plain number; `Inert` if its type is not in `FORMATS`."""
    letter = FORMATS.get(str(kind.args[0]))
    if letter is None:
        return Inert(kind, raw)
    (number,) = struct.unpack((">" if kind.state[1] == ">" else "<") + letter, raw)
    return number


FORMATS = {"f8": "d", "f4": "f", "i8": "q", "i4": "i"}
MEANINGS: dict[tuple[str, str], Callable[..., Any]] = {
    ("_codecs", "encode"): _latin1,
    ("collections", "OrderedDict"): OrderedDict,
    ("__builtin__", "set"): set,
    ("builtins", "set"): set,
}
"""The names outside numpy and torch that a pickle may contain."""
