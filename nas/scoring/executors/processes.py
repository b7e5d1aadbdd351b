"""Scoring in several processes of one machine."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.connection import wait
from typing import Any

from nas.errors import UsageError
from nas.scoring.executors.executor import EXECUTORS, A, B, Executor
from nas.scoring.executors.groups import Answer, Group, Groups, answered, cores

ATTEMPTS = 3
"""An argument may kill its worker this many times; the next time it is an error."""


@EXECUTORS.register("processes")
@contextmanager
def processes(workers: int | None = None) -> Iterator[Executor]:
    """Score in several processes of this machine, one thread each; null: one for every core.

    The function is sent to every process once. A process that dies is replaced, and its work is
    done again. Raises UsageError if one argument kills its process too often.
    """
    number = cores() if workers is None else workers
    if number < 1:
        raise UsageError(f"executor.workers={workers} must be at least 1, or null")
    pool = _Processes(number)
    try:
        yield pool
    finally:
        pool.close()


def _deadly(deaths: int, group: Group[Any], workers: int) -> UsageError:
    return UsageError(
        f"a process died {deaths} times at {group.arguments[0]}: is there enough memory for "
        f"executor.workers={workers}?"
    )


class _Processes:
    """A pool of processes that know one function."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._function: object = None
        self._size = 1
        self._pool: ProcessPoolExecutor | None = None

    def __call__(self, function: Callable[[A], B], arguments: Iterable[A], /) -> Iterator[B]:
        groups = Groups(arguments, self.workers, self._size if self._knows(function) else 1)
        deaths = 0
        while groups.refill():
            if not self._knows(function):  # also if another call changed the function
                self.close()
                self._function = function
            out = groups.handed_out(self._submit, one=bool(deaths))
            try:
                answer = groups.waiting[0].answer()
            except CancelledError:  # the other call cancelled it
                groups.split()
                continue
            except BrokenProcessPool:
                self.close()
                groups.split()
                deaths = deaths + 1 if out == 1 else 1
                if deaths > ATTEMPTS:
                    raise _deadly(deaths, groups.waiting[0], self.workers) from None
                continue
            deaths = 0
            groups.done(answer)
            self._size = groups.size
            yield from answer.given()

    def _knows(self, function: object) -> bool:
        return self._function == function

    def _submit(self, arguments: Sequence[Any]) -> Future[Answer]:
        if self._pool is None:
            context = multiprocessing.get_context("spawn")
            function = pickle.dumps(self._function)
            self._pool = ProcessPoolExecutor(self.workers, context, _begin, (function,))
        return self._pool.submit(_apply, arguments)

    def close(self) -> None:
        """End the processes."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None


_function: Callable[[Any], Any]
"""In a process of the pool: the function that it applies."""


def _begin(function: bytes) -> None:
    """Start a process of the pool: it uses one thread, ignores Ctrl-C and ends with its parent."""
    global _function
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = "1"  # before torch is imported
    if (torch := sys.modules.get("torch")) is not None:  # the main module imports it
        torch.set_num_threads(1)
    _function = pickle.loads(function)


def _end_with_parent() -> None:
    """End the process when its parent ends, even if the parent was killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _apply(arguments: Sequence[Any]) -> Answer:
    return answered(_function, arguments)
