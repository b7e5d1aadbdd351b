"""What a second process brings: the same architectures scored serially and by executors.

    python -m benchmarks.executors [--workers 2] [--executors processes dask] [--proxies naswot …]

For every proxy the seconds of all architectures, start-up left out: a first pass over a few starts
the workers. Serial and executors take turns, so that a noisy machine is noisy for both. The last
line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from random import Random
from statistics import median
from time import perf_counter

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # however this is started

from nas import PROXIES, SPACES, Objective
from nas.batch import make_batch
from nas.executors import open_executor

COUNTS = {"epsilon": 800, "synflow": 120, "naswot": 24}
"""Architectures a turn, so that a turn takes seconds."""


def main() -> None:
    """Time every proxy under every executor and print ratios to serial."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--executors", nargs="+", default=["processes"])
    parser.add_argument("--proxies", nargs="+", choices=list(COUNTS), default=list(COUNTS))
    options = parser.parse_args()

    space = SPACES.build("nasbench201")
    results: dict[str, dict[str, float]] = {}
    for name in options.proxies:
        batch = make_batch(space, "natural", size=256 if name == "epsilon" else 64)
        objective = Objective(space, PROXIES.build(name), batch)
        archs = [space.sample(Random(number)) for number in range(COUNTS[name])]
        for executor in options.executors:
            with open_executor({"name": executor, "workers": options.workers}) as apply:
                list(apply(objective, archs[: 4 * options.workers]))
                list(map(objective, archs[:4]))
                ratios = []
                for _ in range(options.turns):
                    start = perf_counter()
                    alone = [each.score for each in map(objective, archs)]
                    middle = perf_counter()
                    together = [each.score for each in apply(objective, archs)]
                    end = perf_counter()
                    assert str(alone) == str(together)
                    ratios.append((middle - start) / (end - middle))
            results.setdefault(name, {})[executor] = round(median(ratios), 3)
            print(f"{name:<10} {executor:<10} {median(ratios):.2f} times serial", flush=True)
    print(json.dumps({"workers": options.workers, "over_serial": results}))


if __name__ == "__main__":
    main()
