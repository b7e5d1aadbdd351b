"""Scoring in this process, and in several as soon as that is faster."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from time import perf_counter

from nas.scoring.executors.executor import A, B, Executor
from nas.scoring.executors.groups import cores
from nas.scoring.executors.processes import processes

WORTH = 15.0
"""Seconds of work left from which on the start of other processes (5 s) pays."""


@contextmanager
def growing() -> Iterator[Executor]:
    """An executor that begins in this process and takes all cores when much work is left."""
    yield _grown


def _grown(function: Callable[[A], B], arguments: Iterable[A], /) -> Iterator[B]:
    left = [*arguments]
    start = perf_counter()
    for place, argument in enumerate(left):
        if place == 1:
            start = perf_counter()  # the first one also imports what scoring needs
        mean = (perf_counter() - start) / max(place - 1, 1)
        if place > 1 and cores() > 1 and mean * (len(left) - place) > WORTH:
            with processes() as executor:
                yield from executor(function, left[place:])
            return
        yield function(argument)
