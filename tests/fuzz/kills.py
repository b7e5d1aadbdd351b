"""`python -m tests.fuzz.kills TIMES`: signals at random moments; then the same command again.

Every command is first run undisturbed. Then it is begun, ended by a signal at a random moment, and
given again until it is through: what it leaves must be what the undisturbed one left.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from time import perf_counter, sleep

import psutil

from tests.support.tables import plain

SEARCH = ("search", "proxy=naswot", "strategy=random", "block=4", "batch.size=8", "device=cpu")
NET = ("space.channels=4", "space.cells=1", "space.resolution=8")
COMPARE = ("compare", "table=t.csv", "proxy=naswot", "batch.size=64", "pictures=false")
COMMANDS: dict[str, tuple[str, ...]] = {
    "serial": (*SEARCH, *NET, "budget=400", "out=o"),
    "processes": (
        *SEARCH,
        *NET,
        "budget=400",
        "executor=processes",
        "executor.workers=2",
        "out=o",
    ),
    "dask": (*SEARCH, *NET, "budget=200", "executor=dask", "executor.workers=2", "out=o"),
    "compare": (*COMPARE, *NET, "target=acc", "out=o"),
    "sweep": ("search", "-m", "seed=0,1", *SEARCH[1:], *NET, "budget=150", "out=o/${seed}"),
}
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL, signal.SIGHUP)


def main(times: int) -> None:
    """Print a row for every command and, on the other stream, what went wrong."""
    # a shell's background job ignores Ctrl-C, and so would the commands
    signal.signal(signal.SIGINT, signal.default_int_handler)
    print("| command | signals | interrupted | same result | processes left | strange exits |")
    print("|---|---|---|---|---|---|")
    for name, command in COMMANDS.items():
        totals = Counter[str]()
        with TemporaryDirectory() as folder:
            begin = perf_counter()
            _run(command, Path(folder) / "whole")
            length = perf_counter() - begin
            whole = left(Path(folder) / "whole")
            assert whole, (name, "nothing to compare with")
            for number in range(times):
                draw = Random(f"{name} {number}")
                moment, sent = draw.uniform(0, length), draw.choice(SIGNALS)
                case = Path(folder) / str(number)
                totals.update(_disturbed(command, case, moment, sent, whole))
        row = [totals[key] for key in ("interrupted", "same", "processes", "code")]
        print(f"| {name} | {times} | {' | '.join(map(str, row))} |", flush=True)


def _disturbed(
    command: tuple[str, ...], folder: Path, moment: float, sent: signal.Signals, whole: object
) -> dict[str, int]:
    """One command that a signal ends, and the same again: counts for the table."""
    process = _begun(command, folder)
    sleep(moment)
    children = [] if process.poll() is not None else _children(process.pid)
    process.send_signal(sent)
    _, err = process.communicate(timeout=120)
    known = {0, -9, 130, 143, 129, -1, -2, -15}  # of a signal before Python began, too
    strange = process.returncode not in known or "Traceback" in err
    _, alive = psutil.wait_procs(children, timeout=60)
    if strange or alive:
        print(folder.name, sent.name, moment, process.returncode, err[-800:], file=sys.stderr)
    _run(command, folder)
    same = left(folder) == whole
    if not same:
        print(folder.name, sent.name, moment, "another result", file=sys.stderr)
    interrupted = process.returncode != 0
    return {
        "interrupted": int(interrupted),
        "same": int(same),
        "processes": len(alive),
        "code": int(strange),
    }


def _children(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _begun(command: tuple[str, ...], folder: Path) -> subprocess.Popen[str]:
    folder.mkdir(exist_ok=True)
    plain(folder / "t.csv")
    return subprocess.Popen(
        [sys.executable, "-m", "nas", *command],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _run(command: tuple[str, ...], folder: Path) -> None:
    """Run the command to its end."""
    process = _begun(command, folder)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 0, (command, process.returncode, err)


def left(folder: Path) -> dict[str, object]:
    """What a search or a comparison left, without the seconds, which differ every time."""
    return {
        str(path.relative_to(folder)): [
            {key: value for key, value in json.loads(line).items() if key != "seconds"}
            for line in path.read_text(encoding="utf-8").splitlines()
        ]
        for name in ("history.jsonl", "scores.jsonl")
        for path in folder.rglob(name)
    }


if __name__ == "__main__":
    main(int(sys.argv[1]))
