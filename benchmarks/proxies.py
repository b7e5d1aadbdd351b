"""Measures every proxy's time per NAS-Bench-201 cell, and that of a plain computation.

    python -m benchmarks.proxies [--cells 20] [--size 64] [--proxies naswot snip …]

The plain computations are those of `tests.support.slow_proxies`: simple code from the formula,
with hooks and loops. Both build the same weights, which is timed, on the same number of threads
(`--threads`; a search scores on one). Both take turns on every cell, so that noise of the machine
is the same for both. Seconds are means, `ratio` is the median over the cells. `differ` is the
largest relative difference of the two scores, or `exists` if only one of them has a score. The
last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import sys
from math import isnan
from pathlib import Path
from random import Random
from statistics import median
from time import perf_counter
from typing import Any

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # however this is started

import torch

from nas import PROXIES, SPACES, Candidate
from nas.batch import Batch
from nas.cli.build import device_named
from nas.data.sources import make_batch
from tests.support.slow_proxies import PLAIN, Way


def measured(ways: dict[str, Way], candidates: list[Candidate], batch: Batch) -> dict[str, Any]:
    """Seconds of every way, and how far the scores are apart; the first candidate warms up."""
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    scores: dict[str, list[float]] = {way: [] for way in ways}
    for candidate in [candidates[0], *candidates]:
        for way, score in ways.items():
            fresh = Candidate(candidate.space, candidate.arch, candidate.seed, candidate.device)
            start = perf_counter()
            scores[way].append(score(fresh, batch))
            seconds[way].append(perf_counter() - start)
    result: dict[str, Any] = {}
    for way, taken in seconds.items():
        result[f"{way}_mean_s"] = rounded(sum(taken[1:]) / len(candidates))
        result[f"{way}_median_s"] = rounded(median(taken[1:]))
    if len(ways) > 1:
        pairs = zip(seconds["plain"][1:], seconds["here"][1:], strict=True)
        result["ratio"] = rounded(median(plain / here for plain, here in pairs))
        result["difference"] = difference(list(zip(*scores.values(), strict=True)))
    return result


def rounded(value: float) -> float:
    """The value rounded to four digits."""
    return float(f"{value:.4g}")


def difference(scores: list[tuple[float, float]]) -> float | None:
    """The largest relative difference of two scores; None if only one of them exists."""
    if any(isnan(one) != isnan(other) for one, other in scores):
        return None
    pairs = [(one, other) for one, other in scores if not isnan(one)]
    apart = [abs(one - other) / max(abs(other), 1e-12) for one, other in pairs]
    return rounded(max(apart, default=0.0))


def line(name: str, result: dict[str, Any]) -> str:
    """A row of the table; a proxy without a plain computation has one figure."""
    shown = [f"{result['here_mean_s']:.5f}"]
    if "ratio" in result:
        apart = result["difference"]
        shown = [f"{result['plain_mean_s']:.5f}", *shown, f"{result['ratio']:.2f}"]
        shown.append("exists" if apart is None else f"{apart:.0e}")
    else:
        shown.insert(0, "")
    return f"{name:<16}" + "".join(f"{figure:>10}" for figure in shown)


def main() -> None:
    """Time every proxy both ways and print means, ratios and differences."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cells", type=int, default=20)
    parser.add_argument("--size", type=int, default=64, help="images in the batch")
    parser.add_argument("--channels", type=int, default=16, help="C, of the stem")
    parser.add_argument("--depth", type=int, default=5, help="N, the cells of a stage")
    parser.add_argument("--proxies", nargs="+", choices=list(PROXIES), default=list(PROXIES))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    device = device_named(options.device)
    space = SPACES.build("nasbench201", channels=options.channels, cells=options.depth)
    batch = make_batch(space, "natural", size=options.size).to(device)
    rng = Random(options.seed)
    candidates = [Candidate(space, space.sample(rng), 0, device) for _ in range(options.cells)]
    heads = ("plain, s", "here, s", "ratio", "differ")
    print(f"{'proxy':<16}" + "".join(f"{head:>10}" for head in heads))
    results = {}
    torch.set_num_threads(options.threads)
    for name in options.proxies:
        ways: dict[str, Way] = {"here": PROXIES.build(name).score}
        if name in PLAIN:
            ways["plain"] = PLAIN[name]
        results[name] = measured(ways, candidates, batch)
        print(line(name, results[name]), flush=True)
    settings = {key: value for key, value in vars(options).items() if key != "proxies"}
    print(json.dumps({**settings, "device": device, "proxies": results}))


if __name__ == "__main__":
    main()
