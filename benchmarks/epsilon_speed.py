"""Measures epsilon's time per NAS-Bench-201 cell: dense, with tensors, and by compiled kernels.

    python -m benchmarks.epsilon_speed [--cells 20] [--size 256]

All three run on one thread, on the same cells, in turns, so that noise of the machine is the same
for all. Dense is the same formula on the `nn.Module` in float32, with two forward passes; building
the module is not timed. The times of tensors and kernels include making the layers. Kernels are
what a search uses; their time includes computing scores near 0 again in float64. The compile time
is printed separately. Times are processor times (wall times are printed, too; other programs
lengthen these). The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from math import isnan
from pathlib import Path
from random import Random
from statistics import fmean, median
from time import perf_counter, process_time

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # however this is started

import torch

from nas import SPACES, Arch, Candidate, Space
from nas.batch import Batch
from nas.collapse.tensors import collapsed, flat
from nas.data.sources import make_batch
from nas.seeding import one_thread
from proxies.epsilon import Epsilon, dense, epsilon

Times = dict[str, list[tuple[float, float]]]


def main() -> None:
    """Time every cell in every way and print means, ratios and how far the scores differ."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cells", type=int, default=20)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    space = SPACES.build("nasbench201")
    batch = make_batch(space, "natural", size=options.size)
    rng = Random(options.seed)
    archs = [space.sample(rng) for _ in range(options.cells)]
    with one_thread():
        result: dict[str, object] = {"cells": options.cells, "batch": options.size}
        for dtype in ("float32", "float64"):
            first = seconds(lambda: score(space, archs[0], batch, dtype))[1]
            result[f"first_{dtype}_s"] = round(first, 2)
            print(f"first score in {dtype}, compile time if it is not on disk: {first:.2f} s")
        times, differences = measure(space, batch, archs)
    report(times, differences, result)


def measure(space: Space, batch: Batch, archs: list[Arch]) -> tuple[Times, list[float]]:
    """Processor and wall time of every way, and the kernels' relative error."""
    dense(space.build(archs[0]), batch.inputs, 1.0)  # warm up
    times: Times = {"dense": [], "tensors": [], "kernels": []}
    differences = []
    for arch in archs:
        model = space.build(arch)
        times["dense"].append(
            seconds(
                lambda: [dense(model, batch.inputs, w) for w in Epsilon().shared_weights(space)]
            )
        )
        times["tensors"].append(seconds(lambda: tensors(space, arch, batch.inputs)))
        times["kernels"].append(seconds(lambda: score(space, arch, batch)))
        exact, found = tensors(space, arch, batch.inputs.double()), score(space, arch, batch)
        if not isnan(exact) and not isnan(found):
            differences.append(abs(found / exact - 1))
    return times, differences


def seconds(call: Callable[[], object]) -> tuple[float, float]:
    """Processor and wall time of a call."""
    processor, wall = process_time(), perf_counter()
    call()
    return process_time() - processor, perf_counter() - wall


def tensors(space: Space, arch: Arch, inputs: torch.Tensor) -> float:
    """Epsilon with tensors, in the dtype of the inputs."""
    network = space.network(arch)
    assert network is not None
    weights = Epsilon().shared_weights(space)
    low, high = (flat(collapsed(network, inputs, weight)) for weight in weights)
    return epsilon(low, high)


def score(space: Space, arch: Arch, batch: Batch, dtype: str | None = None) -> float:
    """Epsilon as a search computes it."""
    proxy = Epsilon(dtype=dtype)  # type: ignore[arg-type]  # a text, one of the two it takes
    return proxy.score(Candidate(space, arch), batch)


def report(times: Times, differences: list[float], result: dict[str, object]) -> None:
    """Print a line for each way, the ratios, and everything as JSON."""
    means = {}
    for name, pairs in times.items():
        processor, wall = zip(*pairs, strict=True)
        means[name] = fmean(processor)
        result[f"{name}_mean_ms"] = round(1e3 * fmean(processor), 3)
        result[f"{name}_median_ms"] = round(1e3 * median(processor), 3)
        result[f"{name}_wall_mean_ms"] = round(1e3 * fmean(wall), 3)
        print(
            f"{name:<8} mean {1e3 * fmean(processor):9.3f} ms  median "
            f"{1e3 * median(processor):9.3f} ms  (wall: mean {1e3 * fmean(wall):9.3f} ms)"
        )
    for name in ("tensors", "kernels"):
        result[f"dense_over_{name}"] = round(means["dense"] / means[name], 1)
        print(f"dense / {name} {result[f'dense_over_{name}']}")
    result["scored"] = len(differences)
    if differences:
        result["median_relative_difference"] = median(differences)
        result["largest_relative_difference"] = max(differences)
        print(f"kernels against tensors in float64: at most {max(differences):.1e} relative")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
