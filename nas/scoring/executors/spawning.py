"""Starting processes on this machine: what they must not inherit, and how they end."""

from __future__ import annotations

import ast
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker
from multiprocessing.connection import wait
from pathlib import Path
from shutil import rmtree
from time import sleep
from types import FrameType
from typing import NoReturn

from nas.errors import UsageError

UNGUARDED = 87
"""The exit code of a process that ran the script again instead of being a worker."""
PARENT_SECONDS = 0.5
"""How often a process looks whether its parent is there, where nothing tells it."""
FOLDERS: set[str] = set()
"""Temporary folders that are to be removed even if this process ends at once."""
WATCH = "ends with its parent"
"""The name of the thread that looks."""
NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGALRM")
ENDING = [getattr(signal, name) for name in NAMES if hasattr(signal, name)]
"""Signals by which this process ends, or by which it gives up what it is doing."""


def check_main() -> None:
    """UsageError where new processes would run the script again that starts them.

    Python lets a new process import the main module, so that it knows the classes defined there.
    """
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        os._exit(UNGUARDED)  # this is such a process
    main = sys.modules.get("__main__")
    path = getattr(main, "__file__", None)
    frame: FrameType | None = sys._getframe()
    while frame is not None and not _is_top(frame, main):
        frame = frame.f_back
    if path is None or frame is None:
        return
    try:
        tree = ast.parse(Path(path).read_bytes())
    except (OSError, SyntaxError, ValueError):  # no script, but a program of another kind
        return
    if not any(_asks_for_name(node, frame.f_lineno) for node in ast.walk(tree)):
        raise UsageError(unguarded(f"{path}, line {frame.f_lineno}"))


def unguarded(where: str) -> str:
    """The sentence for a script without a main guard."""
    return (
        f"{where}: every process of an executor runs the script again from its top: put what the "
        f'script does under `if __name__ == "__main__":`'
    )


def _is_top(frame: FrameType, main: object) -> bool:
    """Whether a frame is the main module's own code, outside of functions."""
    return frame.f_code.co_name == "<module>" and frame.f_globals is getattr(main, "__dict__", 0)


def _asks_for_name(node: ast.AST, line: int) -> bool:
    """Whether a statement asks for `__name__`, in a line before or at the given one."""
    return (
        isinstance(node, ast.If)
        and node.lineno <= line
        and any(
            isinstance(part, ast.Name) and part.id == "__name__" for part in ast.walk(node.test)
        )
    )


@contextmanager
def plain_start_method() -> Iterator[None]:
    """Have new processes know Python's own ways to start, whatever started this one.

    A process of joblib's has a start method that Python's do not know, and would hand it on.
    """
    before = multiprocessing.get_start_method(allow_none=True)
    if before in (None, "spawn", "fork", "forkserver"):
        yield
        return
    multiprocessing.set_start_method("spawn", force=True)
    try:
        yield
    finally:
        multiprocessing.set_start_method(before, force=True)


def end_at_once(code: int) -> NoReturn:
    """End this process and those it has started, without the clean-up of any library."""
    for child in multiprocessing.active_children():
        with suppress(OSError, ValueError):
            child.kill()
    for folder in list(FOLDERS):
        rmtree(folder, ignore_errors=True)
    os._exit(code)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Let signals that would end this process wait till afterwards.

    Processes and threads that are started meanwhile leave Ctrl-C to this one, from their first
    moment.
    """
    came: list[int] = []
    handlers: dict[int, Callable[[int, FrameType | None], object]] = {}
    if threading.current_thread() is threading.main_thread():
        for number in ENDING:
            handler = signal.getsignal(number)
            if callable(handler):  # what is ignored or deadly stays so
                handlers[number] = handler
                signal.signal(number, lambda number, _: came.append(number))
    try:
        with _blocked():
            yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for number in dict.fromkeys(came):  # an error may have come of it
            signal.raise_signal(number)


@contextmanager
def _blocked() -> Iterator[None]:
    """Block Ctrl-C in this thread, and so in all that it starts."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGHUP])
    try:
        # its own start would lift the block; a closed terminal must not end it before it cleans up
        resource_tracker.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def end_with_parent() -> None:
    """End this process as soon as its parent is gone, even where the parent was killed.

    Nothing happens in a process that was not started by Python's or joblib's machinery.
    """
    parent = multiprocessing.parent_process()
    if parent is None or any(thread.name == WATCH for thread in threading.enumerate()):
        return
    sentinel = getattr(parent, "_sentinel", None)  # a process of joblib's has none
    watch = threading.Thread(target=_watch, args=(sentinel, parent.pid), name=WATCH, daemon=True)
    watch.start()


def _watch(sentinel: int | None, parent: int | None) -> None:
    if sentinel is not None:
        wait([sentinel])
    else:
        while os.getppid() == parent:
            sleep(PARENT_SECONDS)
    os._exit(1)
