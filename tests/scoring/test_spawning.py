"""Processes of executors: how they start, what they inherit, and that scripts start them once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from nas import UsageError
from nas.scoring.executors import EXECUTORS
from nas.scoring.executors.spawning import undisturbed
from tests.support.functions import Heavy, Unreadable, process, square

ROOT = Path(__file__).parents[2]
RUN = """
from nas.scoring.executors import EXECUTORS
from tests.support.functions import Heavy

def run():
    with EXECUTORS.build({name!r}, workers=2) as executor:
        print(list(executor(Heavy(), range(3))))
"""
NUMBERS = "[1048576, 1048577, 1048578]\n"


def script(text: str, folder: Path, name: str = "processes") -> subprocess.CompletedProcess[str]:
    """What a script prints that defines `run` at its top."""
    path = folder / "script.py"
    path.write_text(RUN.format(name=name) + text)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, path], capture_output=True, text=True, env=environment, timeout=100
    )


@pytest.mark.parametrize(
    "text",
    [
        'if __name__ == "__main__":\n    run()',
        'if "__main__" == __name__ and True:\n    run()',
    ],
)
def test_a_script_with_a_guard_runs_once(text: str, tmp_path: Path) -> None:
    done = script(text, tmp_path)
    assert (done.returncode, done.stdout) == (0, NUMBERS), done.stderr


@pytest.mark.parametrize("name", ["processes", "dask"])
def test_a_script_without_a_guard_is_a_sentence(name: str, tmp_path: Path) -> None:
    done = script("run()", tmp_path, name)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert "script.py, line 8: every process of an executor runs the script again" in last
    assert 'put what the script does under `if __name__ == "__main__":`' in last


def test_a_script_whose_guard_cannot_be_seen_is_a_sentence(tmp_path: Path) -> None:
    """The processes themselves notice that they run the script again."""
    text = "import threading\nthread = threading.Thread(target=run)\nthread.start()\nthread.join()"
    done = script(text, tmp_path)
    assert "this script has no main guard: every process" in done.stderr.splitlines()[-1]


def test_processes_that_die_at_their_start_are_a_sentence(tmp_path: Path) -> None:
    """They die before anyone reads the function, which is more than a pipe takes."""
    text = 'if __name__ == "__main__":\n    run()\nelse:\n    import os\n    os._exit(3)'
    done = script(text, tmp_path)
    assert done.returncode == 1
    sentence = "4 processes in a row ended at their start (exit code 3)"
    assert sentence in done.stderr.splitlines()[-1]


def test_what_another_process_cannot_read_is_a_sentence() -> None:
    with EXECUTORS.build("processes", workers=2) as executor:
        with pytest.raises(UsageError, match="cannot read what it should score with: Unreadable"):
            list(executor(Unreadable(), range(3)))
        with pytest.raises(UsageError, match="what scores cannot be sent to other processes"):
            list(executor(lambda number: number, range(3)))
        assert list(executor(square, range(3))) == [0, 1, 4]


def test_a_worker_that_is_killed_while_it_is_idle_is_replaced() -> None:
    with EXECUTORS.build("processes", workers=2) as executor:
        first = set(executor(process, range(8)))
        for number in first:
            psutil.Process(number).kill()
        assert not first & set(executor(process, range(8)))


def test_a_closed_pool_leaves_no_process_and_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with EXECUTORS.build("processes", workers=2) as executor:
        numbers = set(executor(process, range(8)))
        assert next(iter(executor(Heavy(), range(8)))) == 2**20
    assert not any(psutil.pid_exists(number) for number in numbers)
    assert not list(tmp_path.iterdir())


def interrupted_start(done: list[bool], fails: bool = False) -> None:
    with undisturbed():
        signal.raise_signal(signal.SIGINT)
        done.append(True)
        if fails:
            raise ValueError("a process that got the signal, too")


def test_signals_wait_while_processes_start() -> None:
    before = signal.getsignal(signal.SIGINT)
    done: list[bool] = []
    with pytest.raises(KeyboardInterrupt):
        interrupted_start(done)
    assert done
    with pytest.raises(KeyboardInterrupt) as caught:
        interrupted_start([], fails=True)
    assert isinstance(caught.value.__context__, ValueError)
    with undisturbed():
        assert signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, [])
    assert signal.getsignal(signal.SIGINT) is before
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])
