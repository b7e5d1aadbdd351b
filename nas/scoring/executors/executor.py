"""What an executor is: it applies a function to arguments, here or elsewhere, results in order.

A history is then the same whoever computed it. A plugin of this kind is a function with options
that gives a context manager, which is entered for the time of a run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Protocol, TypeVar

from nas.registry import Registry

A = TypeVar("A")
B = TypeVar("B")


class Executor(Protocol):
    """Applies a function to arguments, results in order; the built-in `map` is one."""

    def __call__(self, function: Callable[[A], B], arguments: Iterable[A], /) -> Iterable[B]: ...


EXECUTORS: Registry[AbstractContextManager[Executor]] = Registry(
    "executor", "nas.scoring.executors"
)
