"""Where architectures are scored: in this process, in several, or on a Dask cluster.

An executor applies a function to arguments and gives the results in the arguments' order, so that
a history is the same whoever computed it. `open_executor` makes the one that a config names.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, ExitStack, contextmanager
from itertools import count, islice
from multiprocessing.connection import wait
from typing import Any, Protocol, TypeVar

from nas.errors import UsageError, unknown
from nas.registry import construct

A = TypeVar("A")
B = TypeVar("B")

ATTEMPTS = 3
"""So often an argument may take its worker down with it, before that is an error."""
AHEAD = 4
"""Arguments that are handed out ahead, per worker."""


class Executor(Protocol):
    """Applies a function to arguments, results in order; the built-in `map` is one."""

    def __call__(self, function: Callable[[A], B], arguments: Iterable[A], /) -> Iterable[B]: ...


@contextmanager
def serial() -> Iterator[Executor]:
    """Score in this process, one architecture after the other."""
    yield map


@contextmanager
def processes(workers: int | None = None) -> Iterator[Executor]:
    """Score in several processes of this machine, one thread each; null: one for every core.

    A function is sent to every process once. Processes that die are replaced, and what they were
    at is done again.
    """
    number = len(os.sched_getaffinity(0)) if workers is None else workers
    if number < 1:
        raise UsageError(f"executor.workers={workers} must be at least 1, or null")
    pool = _Processes(number)
    try:
        yield pool
    finally:
        pool.close()


class _Processes:
    """A pool of processes that know one function."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._function: object = None
        self._pool: ProcessPoolExecutor | None = None

    def __call__(self, function: Callable[[A], B], arguments: Iterable[A], /) -> Iterator[B]:
        if self._function is not function:
            self.close()
            self._function = function
        source = enumerate(arguments)
        waiting: dict[int, A] = {}
        futures: dict[int, Future[B]] = {}
        failures = 0
        for place in count():
            waiting.update(islice(source, AHEAD * self.workers - len(waiting)))
            if not waiting:
                return
            while True:
                try:
                    for number, argument in waiting.items():
                        if number not in futures:
                            futures[number] = self._submit(argument)
                    result = futures[place].result()
                    break
                except BrokenProcessPool:
                    failures += 1
                    self._drop(futures)
                    if failures > ATTEMPTS:
                        raise UsageError(
                            f"a process died {failures} times at {waiting[place]}: is there "
                            f"enough memory for executor.workers={self.workers}?"
                        ) from None
            failures = 0
            del waiting[place], futures[place]
            yield result

    def _submit(self, argument: Any) -> Future[Any]:
        if self._pool is None:
            context = multiprocessing.get_context("spawn")
            function = pickle.dumps(self._function)
            self._pool = ProcessPoolExecutor(self.workers, context, _begin, (function,))
        return self._pool.submit(_apply, argument)

    def _drop(self, futures: dict[int, Future[B]]) -> None:
        """Let a broken pool go; only futures with a result are left."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None
        for number, future in list(futures.items()):
            if not future.done() or future.cancelled() or future.exception() is not None:
                del futures[number]

    def close(self) -> None:
        """End the processes."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None


_function: Callable[[Any], Any]
"""In a process of the pool, the function it applies."""


def _begin(function: bytes) -> None:
    """Start a process of the pool: one thread, Ctrl-C is the parent's, which it ends with."""
    import torch

    global _function
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    torch.set_num_threads(1)
    _function = pickle.loads(function)


def _end_with_parent() -> None:
    """End the process when its parent is gone, which even SIGKILL cannot keep from it."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _apply(argument: Any) -> Any:
    return _function(argument)


@contextmanager
def dask(workers: int | None = None, address: str | None = None) -> Iterator[Executor]:
    """Score on a Dask cluster: the one at `address`, else one of `workers` local processes.

    Needs the extra `epsilon-nas[dask]`, on the cluster's machines too. Workers that are lost are
    made up for by Dask.
    """
    try:
        from dask import config
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise UsageError("executor=dask needs Dask: pip install 'epsilon-nas[dask]'") from error
    if workers is not None and workers < 1:
        raise UsageError(f"executor.workers={workers} must be at least 1, or null")
    with ExitStack() as stack:
        if address is None:
            number = len(os.sched_getaffinity(0)) if workers is None else workers
            # without the trim threshold that Dask sets: it has large tensors mapped anew
            with config.set({"distributed.nanny.pre-spawn-environ": {"OMP_NUM_THREADS": 1}}):
                cluster = LocalCluster(  # type: ignore[no-untyped-call]
                    n_workers=number, threads_per_worker=1, dashboard_address=None
                )
            address = stack.enter_context(cluster).scheduler_address
        try:
            client = stack.enter_context(
                Client(address, timeout=10)  # type: ignore[no-untyped-call]
            )
        except (OSError, ValueError) as error:
            raise UsageError(f"no Dask scheduler answers at executor.address={address}") from error
        yield _Dask(client)


class _Dask:
    """A client of a cluster."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self._function: object = None
        self._there: Any = None

    def __call__(self, function: Callable[[A], B], arguments: Iterable[A], /) -> Iterator[B]:
        if self._function is not function:
            self._function = function
            # as a task's result, which Dask makes again where a worker that had it is lost
            self._there = self.client.submit(_same, function, pure=False)
        ahead = AHEAD * max(1, len(self.client.scheduler_info()["workers"]))
        source = iter(arguments)
        waiting: deque[Any] = deque()
        while True:
            for argument in islice(source, ahead - len(waiting)):
                waiting.append(self.client.submit(_call, self._there, argument, pure=False))
            if not waiting:
                return
            yield waiting.popleft().result()


def _same(function: Callable[[A], B]) -> Callable[[A], B]:
    return function


def _call(function: Callable[[A], B], argument: A) -> B:
    return function(argument)


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
