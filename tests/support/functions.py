"""Functions for executors, in a module that workers import quickly, because it has no torch."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from time import sleep

from nas import UsageError


def square(number: int) -> int:
    return number * number


def square_and_process(number: int) -> tuple[int, int]:
    return number * number, os.getpid()


def threads(_: int) -> int:
    import torch

    return torch.get_num_threads()


def refuse(number: int) -> int:
    raise UsageError(f"{number} is too much")


def refuse_seven(number: int) -> int:
    return refuse(number) if number == 7 else number


def once_deadly(folder: Path, number: int) -> int:
    """Kills its process at every third number, the first time."""
    mark = folder / str(number)
    if number % 3 == 0 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number * number


def deadly(_: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return 0


def first_waits(number: int) -> int:
    if number == 0:
        sleep(3)
    elif number == 1:
        os._exit(1)
    return number


def late_death(number: int) -> int:
    if number == 0:
        sleep(1)
        os._exit(1)
    return number


class OddError(Exception):
    """An error that pickle cannot make again."""

    def __init__(self, one: str, other: str) -> None:
        super().__init__(f"{one} and {other}")


def odd(number: int) -> int:
    raise OddError("this", str(number))


def process(_: int) -> int:
    return os.getpid()


class Heavy:
    """A function of a megabyte, more than a pipe takes that nobody reads."""

    def __init__(self) -> None:
        self.content = bytes(2**20)

    def __call__(self, number: int) -> int:
        return number + len(self.content)


class UnreadableError(Exception):
    """What reading an `Unreadable` raises."""


def unread() -> None:
    raise UnreadableError("not here")


class Unreadable:
    """A function that no other process can read."""

    def __call__(self, number: int) -> int:
        return number

    def __reduce__(self) -> tuple[object, tuple[()]]:
        return unread, ()
