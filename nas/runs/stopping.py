"""Ctrl-C ends a job after its present unit of work; a kill or a closed terminal end it at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

AT_ONCE = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
"""A kill, and a terminal that is closed."""


class EndedError(KeyboardInterrupt):
    """A signal ended the job: like a Ctrl-C that nobody waits for."""

    def __init__(self, number: int) -> None:
        super().__init__(f"ended by {signal.Signals(number).name}")
        self.number = number


_came: list[int] = []
"""The signals of a command that end it; a library may have swallowed what they raised."""


@contextmanager
def interrupted() -> Iterator[list[int]]:
    """Gives a list that is empty until Ctrl-C; a second Ctrl-C stops at once."""
    if _came:
        raise ended(_came[0])
    signals: list[int] = []

    def stop(number: int, _: object) -> None:
        if signals:
            raise KeyboardInterrupt
        signals.append(number)

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield signals
    finally:
        signal.signal(signal.SIGINT, before)


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
