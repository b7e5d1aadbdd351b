"""Ctrl-C ends a job within two seconds; a kill or a closed terminal end it at once.

Three steps: after Ctrl-C the unit of work under way has `GRACE` seconds to end, then it is given
up and the job writes what it has, and after `LONGEST` seconds the process ends whatever it does.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from time import sleep
from types import FrameType

from nas.errors import UsageError
from nas.scoring.executors import EXECUTORS, Executor
from nas.scoring.executors.executor import A, B

AT_ONCE = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
"""A kill, and a terminal that is closed."""
GRACE = 0.5
"""Seconds from Ctrl-C to the end of the unit of work under way; if it takes longer, it is lost."""
AGAIN = 0.3
"""Seconds until it is given up once more, if a library has swallowed the first time."""
ALARM = hasattr(signal, "setitimer")
LONGEST = 1.7
"""Seconds from Ctrl-C to the end of the process, even in a library that hears no signals."""


class EndedError(KeyboardInterrupt):
    """A signal ended the job: like a Ctrl-C that nobody waits for."""

    def __init__(self, number: int) -> None:
        super().__init__(f"ended by {signal.Signals(number).name}")
        self.number = number


class GivenUpError(KeyboardInterrupt):
    """The unit of work under way at Ctrl-C took too long; what was done before it counts."""


_came: list[int] = []
"""The signals of a command that end it; a library may have swallowed what they raised."""
_given_up: list[int] = []
"""Not empty where the work was given up that the latest Ctrl-C interrupted."""


@contextmanager
def interrupted() -> Iterator[list[int]]:
    """Gives a list that is empty until Ctrl-C; a second Ctrl-C stops at once.

    Where the work takes longer than `GRACE` seconds after Ctrl-C, it is given up, and the block
    ends there: what comes after it sees the signal in the list.
    """
    if _came:
        raise ended(_came[0])
    signals: list[int] = []

    def stop(number: int, _: object) -> None:
        if signals:
            raise KeyboardInterrupt
        signals.append(number)
        if ALARM:  # a system without it waits for the unit of work
            signal.setitimer(signal.ITIMER_REAL, GRACE, AGAIN)

    def late(number: int, _: object) -> None:
        _given_up.append(number)
        raise GivenUpError

    _given_up.clear()
    before = {signal.SIGINT: signal.signal(signal.SIGINT, stop)}
    if ALARM:
        before[signal.SIGALRM] = signal.signal(signal.SIGALRM, late)
    try:
        yield signals
    except GivenUpError:
        pass
    finally:
        if ALARM:
            signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)


def heeding(executor: Executor, name: str = "") -> Executor:
    """The executor, without any result of work that was given up; `name` is for a run's record.

    A library may swallow a GivenUpError, and what it then gives or raises is no result.
    """

    def heeded(function: Callable[[A], B], arguments: Iterable[A], /) -> Iterator[B]:
        for result in executor(function, arguments):
            if _given_up:
                raise GivenUpError
            yield result

    heeded.__name__ = name or heeded.__name__
    return heeded


@contextmanager
def executing(executor: Executor | str) -> Iterator[Executor]:
    """The executor itself, or the one of a name for as long as it is needed.

    Raises UsageError for what is neither.
    """
    if isinstance(executor, str):
        with EXECUTORS.build(executor) as runs:
            yield heeding(runs, executor)
    elif callable(executor):
        yield executor
    else:
        raise UsageError(
            f"executor={executor!r:.80} must be a name ({', '.join(EXECUTORS)}), or a function "
            f"that is called like map"
        )


@contextmanager
def within_limits(end: Callable[[], object]) -> Iterator[None]:
    """Call `end`, which ends the process, `LONGEST` seconds after Ctrl-C.

    Python hears of a signal only between two of its instructions. A library's compiled code can
    take seconds for one, so a thread waits for the signal, too.
    """
    main = threading.current_thread() is threading.main_thread()
    if not main or not ALARM:
        yield
        return
    heard, said = os.pipe()
    os.set_blocking(said, False)
    before = signal.set_wakeup_fd(said, warn_on_full_buffer=False)
    threading.Thread(target=_limit, args=(heard, end), name="Ctrl-C", daemon=True).start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        os.close(said)


def _limit(heard: int, end: Callable[[], object]) -> None:
    with suppress(OSError):
        while numbers := os.read(heard, 64):
            if signal.SIGINT in numbers:
                sleep(LONGEST)
                end()


@contextmanager
def stoppable() -> Iterator[None]:
    """Signals that end a command raise a KeyboardInterrupt, which closes all that is open.

    What is ignored stays so (nohup), and a signal that ends it at once does so a single time.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, _: FrameType | None) -> None:
        _came.append(number)
        if number in AT_ONCE:
            for other in AT_ONCE:
                signal.signal(other, signal.SIG_IGN)
        raise ended(number)

    _came.clear()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, *AT_ONCE)}
    before = {number: handler for number, handler in before.items() if handler != signal.SIG_IGN}
    for number in before:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _came.clear()


def ended(number: int) -> KeyboardInterrupt:
    """What a signal raises."""
    return KeyboardInterrupt() if number == signal.SIGINT else EndedError(number)


def ending(error: BaseException) -> KeyboardInterrupt | None:
    """The interruption that an error is, or comes of; None where it is another kind of error.

    While a library is imported an interruption becomes whatever the library makes of it.
    """
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        each = waiting.pop()
        if isinstance(each, KeyboardInterrupt):
            return each
        if each is not None and id(each) not in seen:
            seen.add(id(each))
            waiting += [each.__cause__, each.__context__]
    return ended(_came[0]) if _came else None
