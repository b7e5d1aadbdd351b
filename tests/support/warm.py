"""Processes that begin with PyTorch and the like imported, since they fork from one that has them.

A process takes two seconds to import other people's packages, and tests start a hundred. `start`
gives the process that `subprocess.Popen` would: its standard streams, folder, variables, session
and search path are its own, and all modules of ours are imported anew. What depends on how an
interpreter starts (`ALONE`) has an interpreter of its own.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from time import sleep
from typing import Any

ROOT = Path(__file__).parent.parent.parent
IMPORTED = ("torch", "numba", "hydra", "omegaconf", "scipy.stats", "yaml", "polars", "tqdm")
ALONE = ("PYTHON", "NUMBA_", "OMP_", "OPENBLAS_", "MKL_", "LC_", "LANG", "LD_", "TORCH_")
"""Variables that are read when an interpreter starts or a package is imported."""

spent = 0.0
"""Processor seconds of the processes that have ended, with those of their children."""


def start(
    words: Sequence[str | Path],
    *,
    env: dict[str, str],
    cwd: Path | None = None,
    pause: tuple[Path, float] | None = None,
    **options: Any,
) -> subprocess.Popen[str]:
    """`python` with words, as `subprocess.Popen` starts it: the name of a file, or -m nas.

    With `pause` the process stops itself as soon as that file has more than so many bytes.
    """
    command = [sys.executable, *map(str, words)]
    if not _is_alone(env):
        return _Forked(command, pause, env=env, cwd=cwd, text=True, **options)
    assert pause is None
    return subprocess.Popen(command, env=env, cwd=cwd, text=True, **options)


def run(
    words: Sequence[str | Path], *, env: dict[str, str], cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """The same to its end, with what it printed."""
    pipe = subprocess.PIPE
    with start(words, env=env, cwd=cwd, stdout=pipe, stderr=pipe) as process:
        out, err = process.communicate()
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def _is_alone(env: dict[str, str]) -> bool:
    """Whether a process with these variables needs an interpreter of its own."""
    return any(
        name.startswith(ALONE) and env.get(name) != os.environ.get(name)
        for name in {*env, *os.environ} - {"PYTHONPATH"}
    )


class _Forked(subprocess.Popen[str]):
    """A process that the server has forked; the server says how it ended."""

    _close_pipe_fds: Callable[..., None]
    _handle_exitstatus: Callable[[int], None]
    _waitpid_lock: threading.Lock

    def __init__(
        self, command: Sequence[str], pause: tuple[Path, float] | None, **options: Any
    ) -> None:
        self._pause = None if pause is None else (str(pause[0].absolute()), pause[1])
        super().__init__(command, **options)

    def _execute_child(
        self,
        args: list[str],
        _executable: Any,
        _preexec: Any,
        _close: Any,
        _pass: Any,
        cwd: Path | None,
        env: dict[str, str],
        _startup: Any,
        _flags: Any,
        _shell: Any,
        p2cread: int,
        p2cwrite: int,
        c2pread: int,
        c2pwrite: int,
        errread: int,
        errwrite: int,
        _restore: Any,
        _gid: Any,
        _gids: Any,
        _uid: Any,
        _umask: Any,
        session: bool,
        *_rest: Any,
    ) -> None:
        job: dict[str, Any] = {
            "words": args[1:],
            "env": env,
            "cwd": str(cwd or Path.cwd()),
            "session": session,
        }
        job["pause"] = self._pause
        self._end, end = socket.socketpair()
        given = [p2cread, c2pwrite, errwrite]
        streams = [mine if mine != -1 else number for number, mine in enumerate(given)]
        with end:
            content = json.dumps(job).encode()
            socket.send_fds(_server(), [len(content).to_bytes(4)], [*streams, end.fileno()])
            _server().sendall(content)
        self._close_pipe_fds(p2cread, p2cwrite, c2pread, c2pwrite, errread, errwrite)
        self.pid = json.loads(self._end.recv(100))
        self._child_created = True

    def _internal_poll(self, _deadstate: int | None = None, *_: Any) -> int | None:
        if self.returncode is None and self._waitpid_lock.acquire(False):
            try:
                pid, status = self._try_wait(os.WNOHANG)
                if pid:
                    self._handle_exitstatus(status)
            finally:
                self._waitpid_lock.release()
        return self.returncode

    def _try_wait(self, wait_flags: int) -> tuple[int, int]:
        global spent
        try:
            said = self._end.recv(100, socket.MSG_DONTWAIT if wait_flags else 0)
        except BlockingIOError:
            return 0, 0
        self._end.close()
        status, seconds = json.loads(said) if said else (signal.SIGKILL, 0)  # the server is gone
        spent += seconds
        return self.pid, status


@cache
def _server() -> socket.socket:
    """The connection to the process that forks, which is started now."""
    mine, its = socket.socketpair()
    command = [sys.executable, "-c", "from tests.support.warm import serve; serve()"]
    with its:
        process = subprocess.Popen(
            [*command, str(its.fileno())],
            cwd=ROOT,
            env={name: text for name, text in os.environ.items() if name != "PYTHONPATH"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[its.fileno()],
            start_new_session=True,  # Ctrl-C is for the tests, which end it
        )
    atexit.register(process.wait)
    atexit.register(mine.close)
    return mine


def serve() -> None:
    """Fork a process for every job that comes, until the tests have ended."""
    for name in IMPORTED:
        __import__(name)
    gc.freeze()  # so that no process copies the pages of these by looking at them
    connection = socket.socket(fileno=int(sys.argv[1]))
    ends: dict[int, socket.socket] = {}

    def reap(*_: object) -> None:
        while ends:
            pid, status, usage = os.wait4(-1, os.WNOHANG)
            if not pid:
                break
            with ends.pop(pid) as end:
                end.sendall(json.dumps([status, usage.ru_utime + usage.ru_stime]).encode())

    signal.signal(signal.SIGCHLD, reap)
    while True:
        size, streams, *_ = socket.recv_fds(connection, 4, 4)
        if not size:
            return
        content = b""
        while len(content) < int.from_bytes(size):
            content += connection.recv(int.from_bytes(size) - len(content))
        *streams, number = streams
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
        if not (pid := os.fork()):
            for other in (connection, *ends.values()):
                other.close()
            _become(json.loads(content), streams, number)
            return
        for stream in streams:
            os.close(stream)
        ends[pid] = socket.socket(fileno=number)
        ends[pid].sendall(json.dumps(pid).encode())
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])


def _become(job: dict[str, Any], streams: list[int], end: int) -> None:
    """Be what `python` is once it has imported other people's packages."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])
    if job["session"]:
        os.setsid()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    for stream in (*streams, end):
        os.close(stream)
    sys.stdin, sys.stdout = os.fdopen(0), os.fdopen(1, "w")
    sys.stderr = os.fdopen(2, "w", buffering=1, errors="backslashreplace")
    os.chdir(job["cwd"])
    os.environ.clear()
    os.environ.update(job["env"])
    given = job["env"].get("PYTHONPATH", "").split(os.pathsep)
    if job["pause"] is not None:
        threading.Thread(target=_pause, args=job["pause"], daemon=True).start()
    first, *_ = sys.argv = job["words"]
    here = job["cwd"] if first == "-m" else str(Path(first).resolve().parent)
    sys.path[:1] = [here, *filter(None, given)]  # the server's first is its folder
    for name in [name for name in sys.modules if name.partition(".")[0] == "tests"]:
        del sys.modules[name]
    try:
        if first == "-m":
            del sys.argv[1]
            runpy.run_module("nas", run_name="__main__", alter_sys=True)
        else:
            runpy.run_path(first, run_name="__main__")
            sys.exit(0)
    except SystemExit as stop:  # as an interpreter ends, without taking all modules apart
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(int(stop.code or 0))


def _pause(name: str, length: float) -> None:
    """Stop this process when a file is longer than so many bytes: a test may be late to see it."""
    path = Path(name)
    while not path.exists() or path.stat().st_size <= length:
        sleep(0.001)
    os.kill(os.getpid(), signal.SIGSTOP)
