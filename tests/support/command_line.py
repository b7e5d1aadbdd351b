"""The command line called from a test, and what a search leaves."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from time import monotonic, sleep
from typing import Any, NamedTuple

import psutil
import pytest
from hydra.core.global_hydra import GlobalHydra

from nas.cli.main import main
from tests.support import warm

SMALL = ["space.channels=2", "space.cells=1", "space.resolution=8", "batch.size=8", "device=cpu"]
EVOLUTION = [*SMALL, "finals=none", "strategy.population=8", "strategy.tournament=4"]
RUN = [*EVOLUTION, "budget=60"]
LONG = [*EVOLUTION, "strategy.tournament=1", "block=3", "budget=1000"]
FILES = {"best.json", "config.yaml", "history.jsonl", "report.html"}
OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")


class Done(NamedTuple):
    """The result of a call of the command line."""

    code: int
    out: str
    err: str


def nas(*argv: str | Path) -> Done:
    """Call the command line in this process."""
    out, err = StringIO(), StringIO()
    GlobalHydra.instance().clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [])
        patch.setenv("HYDRA_FULL_ERROR", "")  # so that it is as it was afterwards
        patch.delenv("HYDRA_FULL_ERROR")
        with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as stop:
            main([str(word) for word in argv])
    assert isinstance(stop.value.code, int)
    return Done(stop.value.code, out.getvalue(), err.getvalue())


@contextmanager
def started(
    *argv: str,
    session: bool = False,
    pause: tuple[Path, float] | None = None,
    **environment: str,
) -> Iterator[subprocess.Popen[str]]:
    """The command line in a process of its own, which is killed in the end.

    With `pause` it stops itself when a file has more than so many bytes; `paused` waits for that.
    """
    pipe = subprocess.PIPE
    env = {**os.environ, **environment}
    with warm.start(
        ["-m", "nas", *argv],
        stdout=pipe,
        stderr=pipe,
        start_new_session=session,
        env=env,
        pause=pause,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def wait(process: subprocess.Popen[str], path: Path, length: float) -> None:
    """Wait until the process has written more than `length` bytes to a file."""
    end = monotonic() + 60
    while size(path) <= length:
        assert process.poll() is None, process.communicate()
        assert monotonic() < end
        sleep(0.001)


def paused(process: subprocess.Popen[str]) -> None:
    """Wait until the process has stopped itself."""
    end = monotonic() + 60
    while psutil.Process(process.pid).status() != psutil.STATUS_STOPPED:
        assert process.poll() is None, process.communicate()
        assert monotonic() < end
        sleep(0.001)


def interrupt(process: subprocess.Popen[str], *, group: bool = False) -> None:
    """Ctrl-C in a process that has stopped itself; in a terminal the whole group hears it."""
    if group:
        os.killpg(process.pid, signal.SIGINT)
    else:
        process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGCONT)


def size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def lines(folder: Path) -> list[dict[str, Any]]:
    """The history as it is in its file."""
    return [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]


def history(folder: Path) -> list[dict[str, Any]]:
    """The history without the seconds, which differ between two runs of one search."""
    return [{key: line[key] for key in line if key != "seconds"} for line in lines(folder)]


def best(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "best.json").read_text())
    return content


def named(arch: Sequence[int]) -> str:
    """A cell of NAS-Bench-201 as it is published."""
    a, b, c, d, e, f = (OPERATIONS[option] for option in arch)
    return f"|{a}~0|+|{b}~0|{c}~1|+|{d}~0|{e}~1|{f}~2|"


def snapshot(folder: Path) -> dict[Path, tuple[int, bytes] | None]:
    """Everything in a folder: times and contents of files, and folders."""
    return {
        path: (path.stat().st_mtime_ns, path.read_bytes()) if path.is_file() else None
        for path in folder.rglob("*")
    }


def told(out: str) -> str:
    """What a command printed before its last line, which names the files."""
    text, _, files = out.rstrip("\n").rpartition("\n")
    assert files.startswith("files   ")
    return text


def check_mistake(done: Done, fragments: Sequence[str]) -> None:
    assert done.code == 2
    assert done.out == ""
    assert re.fullmatch(r"nas: .+\n", done.err), done.err
    for fragment in fragments:
        assert fragment in done.err


@contextmanager
def full_beyond(bytes_a_file: int) -> Iterator[None]:
    """Writing a file beyond its first bytes fails, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_a_file, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
