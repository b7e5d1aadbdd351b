"""Where architectures are scored: in this process, in several, or on a Dask cluster.

An executor applies a function to arguments and gives the results in the arguments' order, so that
a history is the same whoever computed it. `open_executor` makes the one that a config names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from nas.errors import unknown
from nas.registry.options import construct
from nas.scoring.executors.cluster import dask
from nas.scoring.executors.groups import Executor
from nas.scoring.executors.processes import processes

__all__ = ["EXECUTORS", "Executor", "dask", "open_executor", "processes", "serial"]


@contextmanager
def serial() -> Iterator[Executor]:
    """Score in this process, one architecture after the other."""
    yield map


EXECUTORS: dict[str, Callable[..., AbstractContextManager[Executor]]] = {
    each.__name__: each for each in (serial, processes, dask)
}
"""The executors by the names of the config group `executor`."""


def open_executor(config: Mapping[str, Any]) -> AbstractContextManager[Executor]:
    """The executor that a config names, to be entered; wrong options raise a UsageError."""
    options = dict(config)
    name = str(options.pop("name"))
    if name not in EXECUTORS:
        raise unknown("executor", name, EXECUTORS)
    return construct("executor", name, EXECUTORS[name], **options)
