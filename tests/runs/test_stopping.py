"""A search that is stopped or killed goes on where it was."""

from __future__ import annotations

import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random
from time import sleep
from typing import Any

import pytest

from nas import Trial
from nas.runs.progress import Progress
from nas.runs.stopping import GRACE, GivenUpError, heeding, interrupted
from tests.support.command_line import (
    FILES,
    LONG,
    RUN,
    Done,
    best,
    history,
    interrupt,
    lines,
    nas,
    paused,
    size,
    started,
    wait,
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the long search, never interrupted."""
    folder: Path = tmp_path_factory.mktemp("whole") / "run"
    assert nas("search", *LONG, f"out={folder}").code == 0
    return folder


@pytest.mark.long
@pytest.mark.parametrize(
    "words",
    [[], ["out=plain"], ["out='a=b, (c) d'"], ["out='it\\'s'"], ["-m", "seed=0,1", "out='a b'"]],
    ids=lambda words: " ".join(words) or "no out",
)
def test_the_command_to_go_on_does(
    words: list[str], run: tuple[Path, Done], here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stops(Progress):
        def see(self, trial: Trial) -> None:
            super().see(trial)
            if trial.number == 9:
                signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr("nas.runs.progress.Progress", Stops)
        stopped = nas("search", *RUN, *words)
    assert stopped.code == 130
    *_, says, command = stopped.out.splitlines()
    assert says == "stopped after 10 of 60 trials; go on with"
    (folder,) = (path.parent for path in here.rglob("history.jsonl"))
    assert history(folder) == history(run[0])[:10]
    done = nas(*shlex.split(command)[1:])
    assert done.code == 0, done.err
    assert history(folder) == history(run[0])
    journals = list(here.rglob("history.jsonl"))
    assert len(journals) == (2 if "-m" in words else 1)
    assert {len(lines(path.parent)) for path in journals} == {60}


@pytest.mark.long
def test_ctrl_c(whole: Path, here: Path) -> None:
    with started(
        "search", *LONG, "out=stopped", pause=(here / "stopped" / "history.jsonl", 2000)
    ) as process:
        paused(process)
        interrupt(process)
        out, err = process.communicate()
    assert process.returncode == 130
    assert "Traceback" not in err
    *_, says, command = out.splitlines()
    count = len(lines(here / "stopped"))
    assert says == f"stopped after {count} of 1000 trials; go on with"
    assert best(here / "stopped")["trials"]["total"] == count < 1000
    assert history(here / "stopped") == history(whole)[:count]
    name, *argv = shlex.split(command)
    assert name == "nas"
    assert nas(*argv).code == 0
    assert history(here / "stopped") == history(whole)


@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_a_kill_at_any_moment_costs_nothing(kills: int, whole: Path, here: Path) -> None:
    rng = Random(0)
    end = size(whole / "history.jsonl")
    moments = sorted(rng.uniform(0, 0.8 * end) for _ in range(kills - 1))
    for moment in [-1.0, *moments]:  # the first while it is starting
        with started("search", *LONG, "out=killed") as process:
            wait(process, here / "killed" / "history.jsonl", moment)
            sleep(rng.uniform(0, 0.5 if moment < 0 else 0.01))
            process.kill()
            assert process.wait() == -signal.SIGKILL
    assert 0 < len((here / "killed" / "history.jsonl").read_bytes().splitlines()) < 1000
    assert nas("search", *LONG, "out=killed").code == 0
    assert history(here / "killed") == history(whole)
    assert {path.name for path in (here / "killed").iterdir()} == FILES


def imports(_: object) -> None:
    """A library that is interrupted while it is imported, and makes an error of its own of it."""
    try:
        signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt as error:
        raise ImportError("no multiarray") from error


def asks(_: object) -> None:
    """A library that forgets what came, and fails by it."""
    with suppress(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    raise RuntimeError("half imported")


def goes_on(_: object) -> None:
    """A library that forgets what came."""
    with suppress(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    with interrupted():
        raise AssertionError("a long job begins")


@pytest.mark.parametrize("command", [imports, asks, goes_on])
def test_ctrl_c_while_a_library_is_imported(
    command: Callable[[object], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nas.cli.commands.list.main", command)
    before = signal.getsignal(signal.SIGINT)
    assert nas("list") == (130, "", "nas: interrupted\n")
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_kill_and_a_closed_terminal_end_a_command_at_once(
    number: signal.Signals, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = []

    def command(_: object) -> None:
        try:
            with interrupted():
                signal.raise_signal(number)
        finally:
            signal.raise_signal(number)  # a second one does not disturb the clean-up
            closed.append(number)

    monkeypatch.setattr("nas.cli.commands.list.main", command)
    assert nas("list") == (code, "", f"nas: ended by {number.name}\n")
    assert closed


def test_what_is_ignored_stays_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    """As under nohup."""
    monkeypatch.setattr("nas.cli.commands.list.main", lambda _: signal.raise_signal(signal.SIGHUP))
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert nas("list").code == 0
    finally:
        signal.signal(signal.SIGHUP, before)


def test_work_that_takes_longer_than_ctrl_c_waits_is_given_up() -> None:
    before = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGALRM)]
    with interrupted() as stops:
        signal.raise_signal(signal.SIGINT)
        sleep(60)
        raise AssertionError("it was not given up")
    assert stops
    assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGALRM)] == before
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


def test_work_that_ends_in_time_is_not_given_up() -> None:
    with interrupted() as stops:
        signal.raise_signal(signal.SIGINT)
        done = True
    sleep(1.5 * GRACE)
    assert done
    assert stops


@pytest.mark.parametrize("end", ["returns", "raises"])
def test_what_a_library_makes_of_work_given_up_is_no_result(end: str) -> None:
    def swallows(number: int) -> str:
        if number:
            try:
                signal.raise_signal(signal.SIGINT)
                sleep(60)
            except GivenUpError:
                if end == "raises":
                    raise ValueError("no compiled object yet") from None
        return "a score"

    def scored(number: int) -> Any:
        try:
            return swallows(number)
        except ValueError as error:
            return error

    results = []
    with interrupted() as stops:
        for result in heeding(map)(scored, range(3)):
            results.append(result)
    assert results == ["a score"]
    assert stops


DEAF = """
import hashlib, os, signal, sys
import nas.cli.commands.list as command

def deaf(_):
    print(os.getpid(), flush=True)
    hashlib.pbkdf2_hmac("sha256", b"", b"", 10**9)  # minutes in C
    print("it was heard too late")

command.main = deaf
sys.argv = ["nas", "list"]
from nas.cli.main import main
main()
"""


def test_ctrl_c_ends_a_process_that_hears_no_signal() -> None:
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", DEAF]
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
    assert (process.returncode, out, err) == (130, "", "nas: interrupted\n")


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [1, 4, 8, 12])
def test_ctrl_c_while_kernels_are_compiled(seconds: float, here: Path, tmp_path: Path) -> None:
    """At no moment is there a trial that failed because of it."""
    with started("search", "out=a", NUMBA_CACHE_DIR=str(tmp_path / "numba")) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "compiling, once: about 7 s\n"
        sleep(seconds)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "stopped after 0 of 1000 trials; go on with" in out
    assert not size(here / "a" / "history.jsonl")
