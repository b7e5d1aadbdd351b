"""Epsilon's time per NAS-Bench-201 cell, dense and collapsed, in one run on the same cells.

    python -m benchmarks.epsilon_speed [--cells 20] [--size 256]

Dense is the same formula on the `nn.Module` in float32, two forward passes on all threads, the
module built before the clock starts. Collapsed is what a search does: one thread, the layers
written down within the time. Cells alternate between the two, so that a noisy machine is noisy
for both. The last line is one JSON object.
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

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # however this is started

import torch

from nas import SPACES, Candidate
from nas.batch import make_batch
from nas.objective import one_thread
from proxies.epsilon import Epsilon, dense, epsilon


def main() -> None:
    """Time every cell both ways and print medians, means and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cells", type=int, default=20)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    space = SPACES.build("nasbench201")
    batch = make_batch(space, "natural", size=options.size)
    rng = Random(options.seed)
    archs = [space.sample(rng) for _ in range(options.cells)]
    proxy = Epsilon()
    proxy.score(Candidate(space, archs[0]), batch)  # warm
    dense(space.build(archs[0]), batch.inputs, 1.0)
    times: dict[str, list[float]] = {"dense": [], "collapsed": []}
    differences = []
    for arch in archs:
        model = space.build(arch)
        start = perf_counter()
        low, high = (dense(model, batch.inputs, weight) for weight in space.weights)
        expected = epsilon((low, 0.0), (high, 0.0))
        times["dense"].append(perf_counter() - start)

        with one_thread():
            start = perf_counter()
            score = proxy.score(Candidate(space, arch), batch)
            times["collapsed"].append(perf_counter() - start)
        if not isnan(score) and not isnan(expected):
            differences.append(abs(score / expected - 1))

    result: dict[str, object] = {
        "cells": options.cells,
        "batch": options.size,
        "dense_threads": torch.get_num_threads(),
        "median_relative_difference": median(differences) if differences else None,
    }
    means = {}
    for name, seconds in times.items():
        means[name] = sum(seconds) / len(seconds)
        result[f"{name}_mean_s"] = round(means[name], 5)
        result[f"{name}_median_s"] = round(median(seconds), 5)
        print(f"{name:<10} mean {means[name]:.4f} s  median {median(seconds):.4f} s")
    result["ratio"] = round(means["dense"] / means["collapsed"], 1)
    print(f"ratio of means {result['ratio']}")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
