"""What an executor is: it applies a function to arguments and returns the results in order.

So a history does not depend on the executor. A plugin of this kind is a function with options that
returns a context manager; the run enters it at its start and leaves it at its end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Protocol, TypeVar

from nas.registry import Registry

A = TypeVar("A")
B = TypeVar("B")


class Executor(Protocol):
    """Applies a function to arguments and returns the results in order, as `map` does."""

    def __call__(self, function: Callable[[A], B], arguments: Iterable[A], /) -> Iterable[B]: ...


EXECUTORS: Registry[AbstractContextManager[Executor]] = Registry(
    "executor", "nas.scoring.executors"
)
