"""A pool of processes that know one function, and are replaced when they die.

Every process has a pipe of its own, so that one that dies takes nothing with it but what it was
at, and no semaphores, which a killed pool would leave behind.
"""

from __future__ import annotations

import multiprocessing
import pickle
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any

from nas.errors import UsageError
from nas.scoring.executors.groups import Answer, DiedError
from nas.scoring.executors.handing import Handed
from nas.scoring.executors.spawning import UNGUARDED, undisturbed, unguarded
from nas.scoring.executors.worker import work

STARTS = 4
"""So many processes in a row may die before they have read the function."""
SENT_AHEAD = 2**14
"""Bytes of a task that a pipe takes without being read: so it is sent to a busy process, too."""
END_SECONDS = 5.0
"""How long a process may take to end before it is killed."""


@dataclass(eq=False)
class _Task:
    """A group of arguments as bytes, and the answer to come."""

    arguments: bytes
    future: Future[Answer]


@dataclass(eq=False)
class _Worker:
    """A process with the parent's end of its pipe, and the tasks that were sent to it."""

    process: SpawnProcess
    pipe: Connection
    ready: bool = False
    tasks: deque[_Task] = field(default_factory=deque)


class Pool:
    """Up to `number` processes that apply a function; they are started when there is work."""

    def __init__(self, number: int, function: Callable[[Any], Any]) -> None:
        """UsageError where the function cannot go to another process."""
        self._number = number
        self._handed = _handed(function)
        self._workers: list[_Worker] = []
        self._waiting: deque[_Task] = deque()
        self._died = 0
        """How many processes died at their start since one began."""

    def submit(self, arguments: Sequence[Any]) -> Future[Answer]:
        """Put a group in the queue; `DiedError` is the answer where its process dies."""
        task = _Task(pickle.dumps(arguments), Future())
        self._waiting.append(task)
        self._hand_out()
        return task.future

    def busy(self) -> bool:
        """Whether anything is in the queue or in a process."""
        tasks = [*self._waiting, *(task for worker in self._workers for task in worker.tasks)]
        return any(not task.future.done() for task in tasks)

    def turn(self) -> None:
        """Wait until a process says something or dies, and deal with it."""
        self._hand_out()
        sources = [each for w in self._workers for each in (w.pipe, w.process.sentinel)]
        said = set(wait(sources))
        for worker in list(self._workers):
            if worker.pipe in said:
                self._listen(worker)
            elif worker.process.sentinel in said:
                self._bury(worker)
        self._hand_out()

    def close(self) -> None:
        """End the processes, at once where they are at something; cancel what is not done."""
        with undisturbed():
            for worker in self._workers:
                worker.pipe.close()
                if worker.tasks or not worker.ready:
                    worker.process.terminate()
                self._waiting.extend(worker.tasks)
            for worker in self._workers:
                _end(worker.process)
            self._workers.clear()
            for task in self._waiting:
                task.future.cancel()
            self._waiting.clear()
            self._handed.close()

    def _hand_out(self) -> None:
        """Start processes for what waits, and send it to those that have least to do."""
        self._waiting = deque(task for task in self._waiting if not task.future.cancelled())
        idle = sum(not worker.tasks for worker in self._workers)
        for _ in range(min(self._number - len(self._workers), len(self._waiting) - idle)):
            self._start()
        for ahead in (0, 1):
            for worker in list(self._workers):
                if worker.ready and self._waiting and len(worker.tasks) == ahead:
                    if ahead and len(self._waiting[0].arguments) > SENT_AHEAD:
                        return
                    self._send(worker)

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        with undisturbed():
            pipe, other = context.Pipe()
            process = context.Process(target=work, args=(self._handed, other))
            try:
                process.start()
            except OSError as error:
                raise UsageError(f"executor=processes can start no process: {error}") from error
            other.close()  # so that the pipe ends with the process
            self._workers.append(_Worker(process, pipe))

    def _send(self, worker: _Worker) -> None:
        try:
            worker.pipe.send_bytes(self._waiting[0].arguments)
        except OSError:  # it died while it had nothing to do
            self._bury(worker)
        else:
            worker.tasks.append(self._waiting.popleft())

    def _listen(self, worker: _Worker) -> None:
        """Take what a process says: that it has begun, or an answer."""
        try:
            content = worker.pipe.recv_bytes()
        except (EOFError, OSError):
            self._bury(worker)
            return
        if not worker.ready:
            if said := pickle.loads(content):
                raise UsageError(f"a process cannot read what it should score with: {said}")
            worker.ready, self._died = True, 0
            return
        future = worker.tasks.popleft().future
        if future.cancelled():
            return
        try:
            future.set_result(pickle.loads(content))
        except Exception as error:  # whatever the results' own classes raise
            future.set_exception(error)

    def _bury(self, worker: _Worker) -> None:
        """Let a dead process go: it died at the first of its tasks; the others go back."""
        self._workers.remove(worker)
        worker.pipe.close()
        code = _end(worker.process)
        if worker.tasks:
            task = worker.tasks.popleft()
            if not task.future.cancelled():
                task.future.set_exception(DiedError())
        self._waiting.extendleft(reversed(worker.tasks))
        if worker.ready:
            return
        self._died += 1
        if code == UNGUARDED:
            raise UsageError(unguarded("this script has no main guard"))
        if self._died >= STARTS:
            raise UsageError(
                f"{self._died} processes in a row ended at their start (exit code {code}): what "
                f"they say is above, and a script that starts them needs a main guard, "
                f'`if __name__ == "__main__":`'
            )


def _handed(function: Callable[[Any], Any]) -> Handed:
    """The function in a file, for a pipe that nobody reads would hold up its writer."""
    try:
        return Handed(pickle.dumps(function))
    except OSError as error:
        raise UsageError(f"executor=processes needs a temporary file: {error}") from error
    except Exception as error:  # whatever the function's own classes raise
        raise UsageError(
            f"what scores cannot be sent to other processes ({type(error).__name__}: {error}): "
            f"define its classes at the top of a module"
        ) from error


def _end(process: SpawnProcess) -> int | None:
    """Wait until a process has ended, or kill it; its exit code."""
    process.join(END_SECONDS)
    if process.is_alive():
        process.kill()
        process.join()
    code = process.exitcode
    process.close()
    return code
