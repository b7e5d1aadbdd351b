"""Measures epsilon's time on nets that are given as modules, dense and collapsed, in one run.

    python -m benchmarks.epsilon_modules [--size 64] [--repeats 3] [NET ...]

Dense is the same formula on the `nn.Module` in float32, with two forward passes; building the
module is not timed. Collapsed is what a search does, in float64; the time includes building the
module twice on the meta device. Both run on one thread, in turns; each time is the least of
`repeats`. Scores are compared once with those of dense float64. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from time import perf_counter

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # however this is started

import torch
from torch import nn

from nas import Candidate
from nas.data.synthetic import natural_images
from nas.seeding import generator, one_thread
from proxies.epsilon import Epsilon, dense, epsilon
from tests.support.modules import NETS
from tests.support.nets import OneModule

WEIGHTS = (1e-3, 1.0)


def main() -> None:
    """Time every net both ways and print the times, their ratio and the scores' difference."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("nets", nargs="*", default=list(NETS))
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()

    batch = natural_images((3, 32, 32), options.size, generator("batch", 0))
    proxy = Epsilon(*WEIGHTS)
    results = {}
    print(f"{'net':<12} {'dense s':>9} {'collapsed s':>12} {'ratio':>7} {'difference':>11}  notes")
    with one_thread():
        for name in options.nets:
            candidate = Candidate(OneModule(NETS[name]), (0,))
            model = NETS[name]()
            score = proxy.score(candidate, batch)  # warm up
            dense(model, batch.inputs[:2], 1.0)
            times: dict[str, list[float]] = {"dense": [], "collapsed": []}
            for _ in range(options.repeats):
                start = perf_counter()
                passes(model, batch.inputs)
                times["dense"].append(perf_counter() - start)
                start = perf_counter()
                proxy.score(candidate, batch)
                times["collapsed"].append(perf_counter() - start)
            difference = abs(score / passes(model.double(), batch.inputs.double()) - 1)
            slow, fast = min(times["dense"]), min(times["collapsed"])
            notes = "; ".join(sorted(batch.notes)) or "none"
            figures = f"{slow:9.3f} {fast:12.4f} {slow / fast:7.1f} {difference:11.1e}"
            print(f"{name:<12} {figures}  {notes}")
            results[name] = {
                "dense_s": slow,
                "collapsed_s": fast,
                "ratio": slow / fast,
                "relative_difference": difference,
            }
    print(json.dumps({"size": options.size, "weights": WEIGHTS, "nets": results}))


def passes(model: nn.Module, inputs: torch.Tensor) -> float:
    """The score by dense evaluation."""
    low, high = (dense(model, inputs, weight) for weight in WEIGHTS)
    return epsilon((low, 0.0), (high, 0.0))


if __name__ == "__main__":
    main()
