"""Scoring on a Dask cluster."""

from __future__ import annotations

import logging
import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from tempfile import TemporaryDirectory
from typing import Any

from nas.errors import DiedTooOftenError, UsageError
from nas.scoring.executors.executor import EXECUTORS, A, B, Executor
from nas.scoring.executors.groups import Group, Groups, answered, cores
from nas.scoring.executors.spawning import (
    FOLDERS,
    check_main,
    plain_start_method,
    undisturbed,
)

LOCAL_CLUSTER = {
    # malloc keeps its memory: by default it returns the memory of tensors to the system (even
    # more with Dask's own setting), and each thread of a worker has a separate pool
    "distributed.nanny.pre-spawn-environ": {
        "OMP_NUM_THREADS": 1,
        "MALLOC_ARENA_MAX": 1,
        "MALLOC_MMAP_THRESHOLD_": 2**25,
        "MALLOC_TRIM_THRESHOLD_": 2**29,
    },
    "distributed.worker.profile.enabled": False,
}
"""Dask's settings for the workers of a local cluster."""
PATIENT = {"distributed.deploy.lost-worker-timeout": "1h"}
"""As long as the cluster lives: after 15 s without a worker Dask would start it no more."""
WAIT = 30
"""Seconds to wait for the first worker of a Dask cluster."""


@EXECUTORS.register("dask")
@contextmanager
def dask(workers: int | None = None, address: str | None = None) -> Iterator[Executor]:
    """Score on the Dask cluster at `address`, or else on a new one of `workers` local processes.

    It needs the extra `epsilon-nas[dask]`, also on the cluster's machines. If a worker is lost,
    Dask repeats its work elsewhere. Raises UsageError if there is no scheduler or no worker.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise UsageError("executor=dask needs Dask: pip install 'epsilon-nas[dask]'") from error
    if workers is not None and workers < 1:
        raise UsageError(f"executor.workers={workers} must be at least 1, or null")
    with ExitStack() as stack:
        if address is None:
            address = stack.enter_context(_local(cores() if workers is None else workers))
        try:
            client = stack.enter_context(
                Client(address, timeout=10)  # type: ignore[no-untyped-call]  # Dask's
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
def _local(workers: int) -> Iterator[str]:
    """The address of a cluster of processes on this machine, which keeps its files elsewhere."""
    from dask import config
    from distributed import LocalCluster
    from distributed.utils import silence_logging_cmgr

    check_main()
    with ExitStack() as stack:
        # the cluster ends its own silence before its last messages, among them those to workers
        # that are killed already
        stack.enter_context(silence_logging_cmgr(logging.ERROR))
        stack.enter_context(plain_start_method())
        stack.enter_context(config.set(PATIENT))
        place = TemporaryDirectory(prefix="nas-dask-", ignore_cleanup_errors=True)
        folder = stack.enter_context(place)
        FOLDERS.add(folder)
        stack.callback(FOLDERS.discard, folder)
        with undisturbed():
            with config.set({**LOCAL_CLUSTER, "temporary-directory": folder}):
                cluster = LocalCluster(  # type: ignore[no-untyped-call]  # Dask's
                    n_workers=workers,
                    threads_per_worker=1,
                    dashboard_address=None,
                    local_directory=folder,
                    silence_logs=logging.ERROR,
                )
            stack.enter_context(cluster)
            stack.callback(_kill, cluster)
        yield cluster.scheduler_address


def _kill(cluster: Any) -> None:
    """End the workers at whatever nobody waits for any more; Dask would wait seconds for it."""
    for nanny in cluster.workers.values():
        nanny.auto_restart = False
    for child in multiprocessing.active_children():
        if child.name.startswith("Dask Worker"):
            child.kill()


class _Dask:
    """A client of a cluster."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self._function: object = None
        self._size = 1
        self._there: Any = None

    def __call__(self, function: Callable[[A], B], arguments: Iterable[A], /) -> Iterator[B]:
        if self._function != function:
            self._function, self._size = function, 1
            # the function is a task's result: Dask makes it again if its worker is lost
            self._there = self.client.submit(_same, function, pure=False)
        there = self._there

        def submit(arguments: list[A]) -> Any:
            return self.client.submit(answered, there, arguments, pure=False)

        known = self.client.scheduler_info(n_workers=-1)["workers"].values()
        workers = max(1, sum(worker["nthreads"] for worker in known))
        groups = Groups(arguments, workers, self._size)
        while groups.refill():
            groups.handed_out(submit)
            first = groups.waiting[0]
            try:
                answer = first.answer()
            except Exception as error:  # the function's own errors are in answers
                if len(first.arguments) > 1 and type(error).__name__ == "KilledWorker":
                    groups.split()
                    continue
                raise _lost(error, first) from error
            groups.done(answer)
            self._size = groups.size
            yield from answer.given()


def _lost(error: Exception, group: Group[Any]) -> UsageError:
    """The error if the cluster gives no answer."""
    name = type(error).__name__
    if name == "KilledWorker":
        return DiedTooOftenError(
            f"Dask's workers died at {group.arguments[0]}, again and again: is there enough "
            f"memory for each of them?"
        )
    return UsageError(f"the Dask cluster is lost ({name}); the same command goes on")


def _same(function: Callable[[A], B]) -> Callable[[A], B]:
    return function
