"""Pickles read as data: nothing that they name is imported, and nothing in them runs."""

from __future__ import annotations

import pickle
import struct
from collections import OrderedDict
from collections.abc import Callable
from typing import IO, Any


class Inert:
    """Stands for whatever a pickle names: keeps what it is given and does nothing."""

    args: tuple[Any, ...] = ()
    state: Any = None

    def __init__(self, *args: object) -> None:
        self.args = args

    def __setstate__(self, state: object) -> None:
        self.state = state


def read(stream: IO[bytes], encoding: str = "ASCII") -> Any:
    """The next pickle of a stream: containers, texts and numbers, numpy's scalars among them.

    Arrays and tensors are `Inert`, with the arguments and the state that would have made them.
    UnpicklingError where it names anything else; a damaged one may raise any class. `encoding`
    is that of Python 2's texts.
    """
    return _Unpickler(stream, encoding=encoding).load()


class _Unpickler(pickle.Unpickler):
    """Asks nobody but the table below what a name means."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in MEANINGS:
            return MEANINGS[module, name]
        if module.partition(".")[0] in ("numpy", "torch"):
            return _scalar if name == "scalar" else Inert
        raise pickle.UnpicklingError(f"it names {module}.{name}")

    def persistent_load(self, key: object) -> Inert:
        """A tensor's numbers, which torch keeps beside the pickle."""
        return Inert(key)


def _latin1(text: str, _: str) -> bytes:
    return text.encode("latin1")


def _scalar(kind: Inert, raw: bytes) -> Any:
    """A scalar of numpy as a plain number; `Inert` where it is none, or of another width."""
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
"""What a pickle may name, besides numpy and torch."""
