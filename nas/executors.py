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
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from itertools import islice
from math import ceil
from multiprocessing.connection import wait
from time import perf_counter
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from nas.errors import UsageError, unknown
from nas.registry import construct

A = TypeVar("A")
B = TypeVar("B")

ATTEMPTS = 3
"""So often an argument may take its worker down with it, before that is an error."""
AHEAD = 4
"""Groups of arguments that are handed out ahead, per worker."""
LOCAL_CLUSTER = {
    # so that malloc keeps what it has: by default it hands tensors back to the system (Dask's
    # own setting does so the more), and has a worker's threads each do so by themselves
    "distributed.nanny.pre-spawn-environ": {
        "OMP_NUM_THREADS": 1,
        "MALLOC_ARENA_MAX": 1,
        "MALLOC_MMAP_THRESHOLD_": 2**25,
        "MALLOC_TRIM_THRESHOLD_": 2**29,
    },
    "distributed.worker.profile.enabled": False,
}
"""What a local Dask cluster's workers are set to."""
WAIT = 30
"""Seconds that a Dask cluster may take to have a worker."""
TASK_SECONDS = 0.25
"""How long a group should take at least, so that handing it out costs little beside it."""
GROUPS_A_SECOND = 100
"""A third of what Dask's scheduler and client can hand out: many workers get longer groups."""


class Executor(Protocol):
    """Applies a function to arguments, results in order; the built-in `map` is one."""

    def __call__(self, function: Callable[[A], B], arguments: Iterable[A], /) -> Iterable[B]: ...


@contextmanager
def serial() -> Iterator[Executor]:
    """Score in this process, one architecture after the other."""
    yield map


class Answer(NamedTuple):
    """What a worker answers to a group of arguments."""

    results: list[Any]
    """In the arguments' order, up to the first that raised an error."""
    error: BaseException | None
    seconds: float

    def given(self) -> Iterator[Any]:
        """The results one by one; an error is raised after them."""
        yield from self.results
        if self.error is not None:
            raise self.error


def answered(function: Callable[[A], B], arguments: Sequence[A]) -> Answer:
    """The function of each argument, in a worker; an error ends it and is part of the answer.

    One that pickle does not bring back as it was is told by a RuntimeError.
    """
    start = perf_counter()
    error: BaseException | None = None
    results: list[B] = []
    for argument in arguments:
        try:
            results.append(function(argument))
        except (Exception, SystemExit) as raised:  # raised again where the results are taken
            error = _portable(raised)
            if not isinstance(raised, UsageError):
                error.add_note(f"In a worker:\n{traceback.format_exc()}")
            break
    return Answer(results, error, perf_counter() - start)


def _portable(error: BaseException) -> BaseException:
    """The error, or another one in its place where pickle does not bring it back."""
    try:
        same = pickle.loads(pickle.dumps(error))
    except Exception:  # whatever the error's own class raises
        same = None
    if type(same) is type(error) and str(same) == str(error):
        return error
    return RuntimeError(f"{type(error).__name__}: {error}")


@dataclass
class Group(Generic[A]):
    """Arguments that a worker is handed together."""

    arguments: list[A]
    future: Any = None

    def answered(self) -> bool:
        """Whether there is an answer."""
        future = self.future
        done = future is not None and future.done() and not future.cancelled()
        return done and future.exception() is None

    def answer(self) -> Answer:
        """What came of it; waits for it."""
        answer: Answer = self.future.result()
        return answer


class Groups(Generic[A]):
    """Arguments in groups that each keep a worker busy for a while, in order.

    What takes longer goes one by one; a short list is shared out evenly.
    """

    def __init__(self, arguments: Iterable[A], workers: int, size: int) -> None:
        self.size = size
        """How many arguments the next groups have; it follows what they took so far."""
        self.waiting: deque[Group[A]] = deque()
        """Groups whose results were not taken, the first one's are next."""
        self._source = iter(arguments)
        self._workers = workers
        self._seconds = max(TASK_SECONDS, workers / GROUPS_A_SECOND)

    def refill(self) -> bool:
        """Take arguments until every worker has some ahead; False where nothing is left."""
        missing = max(0, AHEAD * self._workers - len(self.waiting))
        fresh = list(islice(self._source, missing * self.size))
        ends = len(fresh) < missing * self.size  # then what is left is shared out
        size = min(self.size, ceil(len(fresh) / self._workers)) if ends else self.size
        for start in range(0, len(fresh), max(1, size)):
            self.waiting.append(Group(fresh[start : start + size]))
        return bool(self.waiting)

    def done(self, answer: Answer) -> None:
        """Let the first group go, and learn from it how long an argument takes."""
        self.waiting.popleft()
        if answer.results:
            each = answer.seconds / len(answer.results)
            self.size = max(1, min(int(self._seconds / max(each, 1e-9)), 2 * self.size))

    def handed_out(self, submit: Callable[[list[A]], Any], one: bool = False) -> int:
        """Hand out what is waiting, or its first argument alone; how many have no answer yet."""
        for group in islice(self.waiting, 1 if one else None):
            if group.future is None:
                group.future = submit(group.arguments)
        out = (group for group in self.waiting if group.future is not None)
        return sum(len(group.arguments) for group in out if not group.answered())

    def split(self) -> None:
        """Groups of one in place of those without an answer, to be handed out again."""
        self.size = 1
        groups, self.waiting = self.waiting, deque()
        for group in groups:
            if group.answered():
                self.waiting.append(group)
            else:
                self.waiting.extend(Group([argument]) for argument in group.arguments)


def _cores() -> int:
    """How many cores this process may run on, or the machine has where no system call says."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def processes(workers: int | None = None) -> Iterator[Executor]:
    """Score in several processes of this machine, one thread each; null: one for every core.

    A function is sent to every process once. Processes that die are replaced, and what they were
    at is done again.
    """
    number = _cores() if workers is None else workers
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
            if not self._knows(function):  # or another call's function came in between
                self.close()
                self._function = function
            out = groups.handed_out(self._submit, one=bool(deaths))
            try:
                answer = groups.waiting[0].answer()
            except CancelledError:  # by that other call
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
        return self._function is function

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
"""In a process of the pool, the function it applies."""


def _begin(function: bytes) -> None:
    """Start a process of the pool: one thread, Ctrl-C is the parent's, which it ends with."""
    global _function
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = "1"  # before torch is there
    _function = pickle.loads(function)


def _end_with_parent() -> None:
    """End the process when its parent is gone, which even SIGKILL cannot keep from it."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _apply(arguments: Sequence[Any]) -> Answer:
    return answered(_function, arguments)


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
            number = _cores() if workers is None else workers
            with config.set(LOCAL_CLUSTER), _uninterrupted():
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
        try:
            client.wait_for_workers(1, timeout=WAIT)
        except TimeoutError as error:
            raise UsageError(
                f"the Dask scheduler at {address} has no worker after {WAIT} s: start some with "
                f"dask worker {address} --nthreads 1"
            ) from error
        yield _Dask(client)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Processes that are started meanwhile leave Ctrl-C to this one."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


class _Dask:
    """A client of a cluster."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self._function: object = None
        self._size = 1
        self._there: Any = None

    def __call__(self, function: Callable[[A], B], arguments: Iterable[A], /) -> Iterator[B]:
        if self._function is not function:
            self._function, self._size = function, 1
            # as a task's result, which Dask makes again where a worker that had it is lost
            self._there = self.client.submit(_same, function, pure=False)
        there = self._there

        def submit(arguments: list[A]) -> Any:
            return self.client.submit(answered, there, arguments, pure=False)

        workers = max(1, len(self.client.scheduler_info(n_workers=-1)["workers"]))
        groups = Groups(arguments, workers, self._size)
        while groups.refill():
            groups.handed_out(submit)
            first = groups.waiting[0]
            try:
                answer = first.answer()
            except Exception as error:  # the function's own are part of an answer
                if len(first.arguments) > 1 and type(error).__name__ == "KilledWorker":
                    groups.split()
                    continue
                raise _lost(error, first) from error
            groups.done(answer)
            self._size = groups.size
            yield from answer.given()


def _lost(error: Exception, group: Group[Any]) -> UsageError:
    """What to say where the cluster gives no answer."""
    name = type(error).__name__
    if name == "KilledWorker":
        return UsageError(
            f"Dask's workers died at {group.arguments[0]}, again and again: is there enough "
            f"memory for each of them?"
        )
    return UsageError(f"the Dask cluster is lost ({name}); the same command goes on")


def _same(function: Callable[[A], B]) -> Callable[[A], B]:
    return function


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
