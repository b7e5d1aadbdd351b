"""Groups of arguments for workers, and their answers; several executors share them."""

from __future__ import annotations

import os
import pickle
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from math import ceil
from time import perf_counter
from typing import Any, Generic, NamedTuple

from nas.errors import UsageError
from nas.scoring.executors.executor import A, B

AHEAD = 4
"""Number of groups per worker that are handed out ahead."""
TASK_SECONDS = 0.25
"""Seconds that a group should take at least, so that the cost of handing it out is small."""
GROUPS_A_SECOND = 100
"""Dask's scheduler and client can hand out three times as many: many workers get longer groups."""


class Answer(NamedTuple):
    """A worker's answer to a group of arguments."""

    results: list[Any]
    """The results in the arguments' order, up to the first argument that raised an error."""
    error: BaseException | None
    seconds: float

    def given(self) -> Iterator[Any]:
        """The results one by one; afterwards an error is raised if there was one."""
        yield from self.results
        if self.error is not None:
            raise self.error


def answered(function: Callable[[A], B], arguments: Sequence[A]) -> Answer:
    """Apply the function to each argument, in a worker; an error ends it and is in the answer.

    If pickle cannot restore the error, a RuntimeError with its text replaces it.
    """
    start = perf_counter()
    error: BaseException | None = None
    results: list[B] = []
    for argument in arguments:
        try:
            results.append(function(argument))
        except (Exception, SystemExit) as raised:  # `Answer.given` raises it again
            error = _portable(raised)
            if not isinstance(raised, UsageError):
                error.add_note(f"In a worker:\n{traceback.format_exc()}")
            break
    return Answer(results, error, perf_counter() - start)


def _portable(error: BaseException) -> BaseException:
    """The error, or a RuntimeError instead if pickle cannot restore the error."""
    try:
        same = pickle.loads(pickle.dumps(error))
    except Exception:  # the error's own class may raise anything
        same = None
    if type(same) is type(error) and str(same) == str(error):
        return error
    return RuntimeError(f"{type(error).__name__}: {error}")


class DiedError(Exception):
    """In place of an answer: the worker died at these arguments."""


@dataclass
class Group(Generic[A]):
    """Arguments that a worker gets together."""

    arguments: list[A]
    future: Any = None
    deaths: int = 0
    """How many workers died at it."""

    def answered(self) -> bool:
        """Whether there is an answer."""
        return self._done() and self.future.exception() is None

    def died(self) -> bool:
        """Whether its worker died."""
        return self._done() and isinstance(self.future.exception(), DiedError)

    def lost(self) -> bool:
        """Whether it was handed out, and no answer will come."""
        return self.died() or (self.future is not None and self.future.cancelled())

    def unanswered(self) -> bool:
        """Whether there is no answer so far."""
        return not self.answered()

    def _done(self) -> bool:
        future = self.future
        return future is not None and future.done() and not future.cancelled()

    def answer(self) -> Answer:
        """The worker's answer; this waits for it."""
        answer: Answer = self.future.result()
        return answer


class Groups(Generic[A]):
    """Arguments in order, in groups that each keep a worker busy for a while.

    Arguments that take long are in groups of one; a short list is divided evenly.
    """

    def __init__(self, arguments: Iterable[A], workers: int, size: int) -> None:
        self.size = size
        """Number of arguments in the next groups; it adapts to the measured seconds."""
        self.waiting: deque[Group[A]] = deque()
        """Groups whose results are not taken yet; the results of the first are next."""
        self._source = iter(arguments)
        self._workers = workers
        self._timed = size > 1
        """Whether it is known how long an argument takes."""
        self._seconds = max(TASK_SECONDS, workers / GROUPS_A_SECOND)

    def refill(self) -> bool:
        """Take arguments until every worker has some ahead; returns False if none are left."""
        ahead = AHEAD if self._timed else 1  # one for each worker, until sizes are known
        missing = max(0, ahead * self._workers - len(self.waiting))
        fresh = list(islice(self._source, missing * self.size))
        ends = len(fresh) < missing * self.size  # then the rest is divided evenly
        size = min(self.size, ceil(len(fresh) / self._workers)) if ends else self.size
        for start in range(0, len(fresh), max(1, size)):
            self.waiting.append(Group(fresh[start : start + size]))
        return bool(self.waiting)

    def done(self, answer: Answer) -> None:
        """Remove the first group, and learn from its answer how long an argument takes."""
        self.waiting.popleft()
        if answer.results:
            self._timed = True
            each = answer.seconds / len(answer.results)
            self.size = max(1, min(int(self._seconds / max(each, 1e-9)), 2 * self.size))

    def handed_out(self, submit: Callable[[list[A]], Any], one: bool = False) -> None:
        """Hand out what is waiting and killed no worker yet, or the first group alone."""
        for group in islice(self.waiting, 1 if one else None):
            if group.future is None and (one or not group.deaths):
                group.future = submit(group.arguments)

    def split(self, lost: Callable[[Group[A]], bool] = Group.unanswered) -> None:
        """Groups of one in place of those that are lost, to be handed out again.

        Deaths count for the first argument of a group: any of them may be what a worker died at,
        and it is the next to be tried.
        """
        groups, self.waiting = self.waiting, deque()
        for group in groups:
            if not lost(group):
                self.waiting.append(group)
                continue
            self.size = 1
            alone = [Group([argument]) for argument in group.arguments]
            alone[0].deaths = group.deaths + group.died()
            self.waiting.extend(alone)


def cores() -> int:
    """Number of cores that this process may use; if that is unknown, the machine's cores."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
