"""Measures the finals' panel: processor seconds of all judges for each finalist.

    python -m benchmarks.finals_panel [--finalists 64] [--judges epsilon naswot …]
        [--before CHECKOUT]

The finalists are random cells of NAS-Bench-201 that are different functions, judged one after the
other as a search's finals judge them, on one thread. With `--before` the package in CHECKOUT
judges the same ones in a process of its own, in turns with this one, so that the machine's noise
is the same for both. Times are processor times of one process: what two idle cores wait is half.
The first finalist is judged once before, for compiling. `differ` counts finalists with another
score. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from random import Random
from time import process_time
from typing import Any

HERE = Path(__file__).resolve().parent.parent
sys.path[0] = os.environ.get("JUDGING", str(HERE))  # however this is started

import torch

from nas import SPACES, ProxyObjective
from nas.data.sources import make_batch
from nas.proxy import PROXIES

JUDGES = ("epsilon", "naswot", "swap", "flops", "expressivity", "meco")


def judge(names: list[str]) -> None:
    """Judge architectures that come as lines of JSON; write seconds and scores of each."""
    torch.set_num_threads(1)
    space = SPACES.build("nasbench201")
    batch = make_batch(space, "natural", size=64)
    panel = ProxyObjective(space, {name: PROXIES.build(name) for name in names}, batch)
    for line in sys.stdin:
        start = process_time()
        found = panel.each((tuple(json.loads(line)), names))
        seconds = process_time() - start
        print(json.dumps([seconds, [repr(each.score) for each in found]]), flush=True)


def judges_of(checkout: Path, names: list[str], stack: ExitStack) -> subprocess.Popen[str]:
    """A process that judges with the package in a checkout."""
    environment = os.environ | {"JUDGING": str(checkout), "PYTHONPATH": str(checkout)}
    process = subprocess.Popen(
        [sys.executable, __file__, "--judging", "--judges", *names],
        cwd=checkout,
        env=environment | {"OMP_NUM_THREADS": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    return stack.enter_context(process)


def asked(process: subprocess.Popen[str], arch: tuple[int, ...]) -> Any:
    """The seconds and scores of one architecture."""
    assert process.stdin is not None
    assert process.stdout is not None
    print(json.dumps(arch), file=process.stdin, flush=True)
    return json.loads(process.stdout.readline())


def finalists(count: int) -> list[tuple[int, ...]]:
    """Random cells, no two of which are the same function."""
    space, rng = SPACES.build("nasbench201"), Random(0)
    found: dict[tuple[int, ...], None] = {}
    while len(found) < count:
        found[space.canonical(space.sample(rng))] = None
    return list(found)


def main() -> None:
    """Judge all finalists and print the sums."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--finalists", type=int, default=64)
    parser.add_argument("--judges", nargs="+", default=list(JUDGES))
    parser.add_argument("--before", type=Path)
    parser.add_argument("--judging", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.judging:
        judge(options.judges)
        return
    checkouts = {"now": HERE} | ({"before": options.before} if options.before else {})
    archs = finalists(options.finalists)
    found: dict[str, list[Any]] = {way: [] for way in checkouts}
    with ExitStack() as stack:
        processes = {
            way: judges_of(place.resolve(), options.judges, stack)
            for way, place in checkouts.items()
        }
        for arch in [archs[0], *archs]:
            for way, process in processes.items():
                found[way].append(asked(process, arch))
        for process in processes.values():
            assert process.stdin is not None
            process.stdin.close()
    result: dict[str, Any] = {"finalists": options.finalists, "judges": options.judges}
    for way, answers in found.items():
        result[f"{way}_cpu_s"] = round(sum(seconds for seconds, _ in answers[1:]), 2)
        print(f"{way}: {result[f'{way}_cpu_s']} s of one core for {len(archs)} finalists")
    if options.before:
        result["times"] = round(result["before_cpu_s"] / result["now_cpu_s"], 2)
        pairs = zip(found["now"], found["before"], strict=True)
        result["differ"] = sum(one[1] != other[1] for one, other in pairs)
        print(f"{result['times']} times as fast; {result['differ']} finalists differ in a score")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
