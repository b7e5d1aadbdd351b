"""Searches and comparisons by every executor on the command line."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import psutil
import pytest

from tests.support.command_line import EVOLUTION, SMALL, history, nas, size, started, wait

TWO = [{"name": "processes", "workers": 2}, {"name": "dask", "workers": 2}]
RANDOM = [*SMALL, "strategy=random", "budget=8", "seed=0,1", "finals=none"]
ENDLESS = [*EVOLUTION, "proxy=params", "budget=100000"]
pytestmark = pytest.mark.filterwarnings("ignore")  # Dask's own


@pytest.mark.long
@pytest.mark.parametrize("config", TWO, ids=lambda config: config["name"])
def test_the_history_is_the_same(config: dict[str, Any], here: Path) -> None:
    words = ["search", *EVOLUTION, "proxy=naswot", "budget=24", "block=8"]
    assert nas(*words, "out=one").code == 0
    done = nas(*words, f"executor={config['name']}", "executor.workers=2", "out=two")
    assert done.code == 0, done.err
    assert history(here / "one") == history(here / "two")
    done = nas(*words, "out=two")  # goes on under another executor
    assert done.code == 0, done.err


@pytest.mark.long
def test_a_comparison_is_the_same(here: Path) -> None:
    words = ["compare", *SMALL, "proxy=naswot", "sample=12", "pictures=false", "resamples=10"]
    assert nas(*words, "out=one").code == 0
    done = nas(*words, "executor=processes", "executor.workers=2", "out=two")
    assert done.code == 0, done.err
    assert (here / "one" / "scores.csv").read_text() == (here / "two" / "scores.csv").read_text()


@pytest.mark.long
def test_ctrl_c_ends_a_search_on_a_local_cluster(here: Path) -> None:
    """A terminal also sends Ctrl-C to the workers."""
    words = [*ENDLESS, "block=8", "executor=dask", "executor.workers=2", "out=a"]
    with started("search", *words, session=True) as process:
        wait(process, here / "a" / "history.jsonl", 2000)
        os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=60)
        assert process.returncode == 130


CODES = {signal.SIGKILL: -9, signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
OTHERS = [
    pytest.param(number, marks=pytest.mark.slow) for number in (signal.SIGTERM, signal.SIGHUP)
]
"""Signals that a process takes as it takes Ctrl-C, which runs/test_stopping.py tests."""


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, *OTHERS])
def test_no_process_outlives_a_search(number: int, here: Path, tmp_path: Path) -> None:
    """And no file; a terminal sends what it sends to all processes."""
    words = [*ENDLESS, "block=8", "executor=processes", "executor.workers=2", "out=a"]
    with started("search", *words, session=True, TMPDIR=str(tmp_path)) as process:
        wait(process, here / "a" / "history.jsonl", 2000)
        children = psutil.Process(process.pid).children(recursive=True)
        assert len(children) >= 2
        if number == signal.SIGKILL:
            process.kill()
        else:
            os.killpg(process.pid, number)
        _, err = process.communicate(timeout=60)
        assert process.returncode == CODES[signal.Signals(number)]
    _, alive = psutil.wait_procs(children, timeout=60)
    assert not alive
    assert size(here / "a" / "history.jsonl") > 2000
    assert not list(tmp_path.iterdir())
    assert "Traceback" not in err


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGINT, *OTHERS])
def test_a_signal_while_a_cluster_starts_ends_the_search(
    number: int, here: Path, tmp_path: Path
) -> None:
    words = [*ENDLESS, "executor=dask", "executor.workers=2", "out=a"]
    with started("search", *words, session=True, TMPDIR=str(tmp_path)) as process:
        end = monotonic() + 60
        while not list(tmp_path.glob("nas-dask-*")) and monotonic() < end:
            sleep(0.01)
        os.killpg(process.pid, number)
        _, err = process.communicate(timeout=60)
        assert process.returncode == CODES[signal.Signals(number)]
    assert "\nnas: " in f"\n{err}"  # Python's own warnings may follow
    assert not list(tmp_path.iterdir())
    assert {path.name for path in here.iterdir()} <= {"a"}


@contextmanager
def cluster(folder: Path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """A scheduler and two workers, started as the documentation says."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"tcp://127.0.0.1:{port}"
    dask = str(Path(sys.executable).parent / "dask")
    scheduler = [dask, "scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard"]
    worker = [dask, "worker", address, "--nthreads", "1", "--no-dashboard", "--no-nanny"]
    with ExitStack() as stack:
        processes: list[subprocess.Popen[bytes]] = []
        for command in (scheduler, worker, worker):
            place = folder / str(len(processes))
            place.mkdir()
            quiet = subprocess.DEVNULL
            process = subprocess.Popen(command, cwd=place, stdout=quiet, stderr=quiet)
            stack.callback(process.wait)
            stack.callback(process.kill)
            processes.append(process)
        yield address, processes[1:]


@pytest.mark.slow
def test_a_running_cluster_may_lose_a_worker(here: Path) -> None:
    words = ["search", *EVOLUTION, "proxy=naswot", "budget=400", "block=16"]
    assert nas(*words, "out=one").code == 0
    with cluster(here) as (address, workers):
        there = [*words, "executor=dask", f"executor.address={address}", "out=two"]
        with started(*there) as process:
            end = monotonic() + 60
            while size(here / "two" / "history.jsonl") < 4000 and monotonic() < end:
                sleep(0.01)
            workers[0].kill()
            _, err = process.communicate(timeout=200)
            assert process.returncode == 0, err
    assert history(here / "one") == history(here / "two")


@pytest.mark.slow  # the next test does it too, with an executor in every search
def test_a_sweep_runs_in_parallel_under_joblib(here: Path) -> None:
    words = [*RANDOM, "proxy=naswot"]
    assert nas("search", "-m", *words, "out=one").code == 0
    there = ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]
    with started("search", "-m", *there, *words, "out=two") as process:
        _, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
    names = [path.name for path in (here / "one").iterdir() if path.is_dir()]
    assert len(names) == 2
    for name in names:
        assert history(here / "one" / name) == history(here / "two" / name)


@pytest.mark.parametrize("executor", ["processes", pytest.param("dask", marks=pytest.mark.slow)])
def test_the_searches_of_a_sweep_have_executors_of_their_own(executor: str, here: Path) -> None:
    words = [*RANDOM, "proxy=naswot"]
    assert nas("search", "-m", *words, "out=one").code == 0
    there = ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2", f"executor={executor}"]
    with started("search", "-m", *there, "executor.workers=1", *words, "out=two") as process:
        _, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
    for name in ("seed=0", "seed=1"):
        assert history(here / "one" / name) == history(here / "two" / name)


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGKILL, *OTHERS])
def test_no_process_outlives_a_sweep(number: int, here: Path) -> None:
    """Not even one that had no search to run."""
    words = [*ENDLESS, "seed=0,1", "hydra.launcher.n_jobs=3", "out=a"]
    two = ["executor=processes", "executor.workers=1"]
    with started("search", "-m", "hydra/launcher=joblib", *two, *words) as process:
        for name in ("seed=0", "seed=1"):
            wait(process, here / "a" / name / "history.jsonl", 2000)
        children = psutil.Process(process.pid).children(recursive=True)
        assert len(children) >= 4
        process.send_signal(number)
        process.communicate(timeout=60)
        assert process.returncode == CODES[signal.Signals(number)]
    _, alive = psutil.wait_procs(children, timeout=60)
    assert not alive
