"""Measures the speed-up by executors: the same architectures scored serially and in parallel.

    python -m benchmarks.executors [--workers 2] [--executors processes dask] [--proxies naswot …]

For every proxy it measures the seconds of all architectures, without start-up: a first pass starts
the workers. Serial and executors take turns, so that noise of the machine is the same for both.
The last line is one JSON object.
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

from nas import PROXIES, SPACES, Candidate, ProxyObjective
from nas.batch import Batch
from nas.collapse.tensors import collapsed, flat
from nas.data.sources import make_batch
from nas.scoring.executors import EXECUTORS
from proxies.epsilon import Epsilon, epsilon


class Tensors(Epsilon):
    """Epsilon without kernels, as if Numba were missing."""

    def score(self, candidate: Candidate, batch: Batch) -> float:
        network = candidate.network
        assert network is not None
        weights = self.shared_weights(candidate.space)
        low, high = (flat(collapsed(network, batch.inputs, w)) for w in weights)
        return epsilon(low, high, self.underflow)


COUNTS = {"epsilon": 1600, "tensors": 240, "synflow": 200, "naswot": 24}
"""Number of architectures in a turn, so that a turn takes seconds."""


def main() -> None:
    """Time every proxy under every executor and print ratios to serial."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--executors", nargs="+", default=["processes"])
    parser.add_argument("--proxies", nargs="+", choices=list(COUNTS), default=list(COUNTS))
    options = parser.parse_args()

    results: dict[str, dict[str, dict[str, float]]] = {}
    for name in options.proxies:
        results[name] = {}
        for executor in options.executors:
            turns = timed(name, executor, options.workers, options.turns)
            ratios = [alone / together for alone, together in turns]
            alone, together = (median(seconds) for seconds in zip(*turns, strict=True))
            results[name][executor] = {
                "over_serial": round(median(ratios), 3),
                "serial_per_s": round(COUNTS[name] / alone, 1),
                "per_s": round(COUNTS[name] / together, 1),
            }
            each = ", ".join(f"{ratio:.2f}" for ratio in ratios)
            figures = "{over_serial:.2f} times serial: {serial_per_s}/s, {per_s}/s".format(
                **results[name][executor]
            )
            print(f"{name:<8} {executor:<10} {figures} ({each})", flush=True)
    print(json.dumps({"workers": options.workers, "results": results}))


def timed(name: str, executor: str, workers: int, turns: int) -> list[tuple[float, float]]:
    """The seconds of every turn, serially and by the executor."""
    space = SPACES.build("nasbench201")
    of_epsilon = name in ("epsilon", "tensors")
    batch = make_batch(space, "natural", size=256 if of_epsilon else 64)
    proxy = Tensors() if name == "tensors" else PROXIES.build(name)
    objective = ProxyObjective(space, proxy, batch).evaluate
    archs = [space.sample(Random(number)) for number in range(COUNTS[name])]
    seconds = []
    with EXECUTORS.build(executor, workers=workers) as apply:
        list(apply(objective, archs))  # this starts all workers
        list(map(objective, archs[:4]))
        for _ in range(turns):
            start = perf_counter()
            alone = [each.score for each in map(objective, archs)]
            middle = perf_counter()
            together = [each.score for each in apply(objective, archs)]
            seconds.append((middle - start, perf_counter() - middle))
            assert str(alone) == str(together)
    return seconds


if __name__ == "__main__":
    main()
