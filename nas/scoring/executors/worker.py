"""What runs in a process of a pool."""

from __future__ import annotations

import gc
import os
import pickle
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from time import perf_counter
from typing import Any

from nas.scoring.executors.groups import Answer, answered
from nas.scoring.executors.handing import Reader
from nas.scoring.executors.spawning import end_with_parent


def work(handed: Reader, connection: Connection) -> None:
    """Answer to groups of arguments with the function handed over, until the parent hangs up.

    The first answer is None, or the text of an error where the function cannot be read.
    """
    _begin()
    gc.disable()  # the function brings modules like PyTorch, in which there is no garbage
    try:
        function: Callable[[Any], Any] = pickle.loads(handed.read())
    except Exception as error:  # whatever the modules and classes raise that it needs
        connection.send(f"{type(error).__name__}: {error}")
        return
    gc.freeze()
    gc.enable()
    with suppress(EOFError, OSError):  # the parent ends the pool, or is gone itself
        connection.send(None)
        while True:
            connection.send_bytes(_portable(answered(function, connection.recv())))


def _begin() -> None:
    """One thread; Ctrl-C is the parent's, with which the process ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):  # it was blocked so far
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
    end_with_parent()
    os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = "1"  # for when torch comes
    if (torch := sys.modules.get("torch")) is not None:  # the caller's main module has it
        torch.set_num_threads(1)


def _portable(answer: Answer) -> bytes:
    """The answer for another process; an error in place of results that cannot go there."""
    start = perf_counter()
    try:
        return pickle.dumps(answer)
    except Exception as error:  # whatever the results' own classes raise
        text = f"a result cannot be sent to another process: {type(error).__name__}: {error}"
        return pickle.dumps(Answer([], RuntimeError(text), perf_counter() - start))
