"""Scoring in several processes of one machine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

from nas.errors import DiedTooOftenError, UsageError
from nas.scoring.executors.executor import EXECUTORS, A, B, Executor
from nas.scoring.executors.groups import Group, Groups, cores
from nas.scoring.executors.pool import Pool
from nas.scoring.executors.spawning import check_main, plain_start_method

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
    check_main()
    with plain_start_method():
        executor = _Processes(number)
        try:
            yield executor
        finally:
            executor.close()


class _Processes:
    """Applies one function at a time in a pool of processes."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._function: object = None
        self._size = 1
        self._pool: Pool | None = None

    def __call__(self, function: Callable[[A], B], arguments: Iterable[A], /) -> Iterator[B]:
        groups = Groups(arguments, self.workers, self._size if self._function == function else 1)
        try:
            while groups.refill():
                pool = self._pool_of(function)
                groups.split(Group.lost)
                _give_up(groups, self.workers)
                first = groups.waiting[0]
                if first.deaths == 0:
                    groups.handed_out(pool.submit)
                elif not pool.busy():  # alone: it may be that memory was short
                    groups.handed_out(pool.submit, one=True)
                if first.future is None or not first.future.done():
                    pool.turn()
                elif not first.lost():
                    answer = first.answer()
                    groups.done(answer)
                    self._size = groups.size
                    yield from answer.given()
        finally:
            for group in groups.waiting:  # nobody will ask for them
                if group.future is not None:
                    group.future.cancel()

    def _pool_of(self, function: Callable[[A], B]) -> Pool:
        """A pool whose processes know the function; another call's function may be there."""
        if self._pool is None or self._function != function:
            self.close()
            self._pool, self._function = Pool(self.workers, function), function
        return self._pool

    def close(self) -> None:
        """End the processes."""
        if self._pool is not None:
            self._pool.close()
            self._pool = None


def _give_up(groups: Groups[Any], workers: int) -> None:
    """Errors in place of answers where too many processes died."""
    for group in groups.waiting:
        if group.deaths > ATTEMPTS and group.future is None:
            error = DiedTooOftenError(
                f"a process died {group.deaths} times at {group.arguments[0]}: is there enough "
                f"memory for executor.workers={workers}?"
            )
            group.future = Future()
            group.future.set_exception(error)
