"""Methods of plugins that take an architecture's options by their names."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import wraps
from typing import Any, TypeVar

T = TypeVar("T")


def by_name(
    function: Callable[..., T], decisions: Mapping[str, Sequence[Any]]
) -> Callable[..., T]:
    """Turn a method that takes the options by name into one that takes an architecture.

    A method that takes the tuple itself stays as it is. Raises TypeError if it takes neither.
    """
    signature = inspect.signature(function)
    if not _takes(signature, (None,), dict.fromkeys(decisions)):
        if _takes(signature, (None, ()), {}):
            return function
        name, listed = function.__qualname__, ", ".join(decisions)
        raise TypeError(f"{name} must take the decisions {listed}: it takes {signature}")

    @wraps(function)
    def called(self: Any, *arch: Any, **options: Any) -> T:
        if len(arch) == 1 and not options:
            return function(self, **dict(_taken(self.decisions, arch[0])))
        return function(self, *arch, **options)

    return called


def _takes(signature: inspect.Signature, args: tuple[Any, ...], options: dict[str, Any]) -> bool:
    with suppress(TypeError):
        signature.bind(*args, **options)
        return True
    return False


def _taken(
    decisions: Mapping[str, Sequence[Any]], arch: Sequence[int]
) -> Iterator[tuple[str, Any]]:
    for (name, options), place in zip(decisions.items(), arch, strict=True):
        yield name, options[place]
