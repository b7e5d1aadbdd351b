"""Ctrl-C ends a long job after its present unit of work."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def interrupted() -> Iterator[list[int]]:
    """Gives a list that is empty until Ctrl-C; a second Ctrl-C stops at once."""
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
