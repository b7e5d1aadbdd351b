"""Measures how many architectures a second one GPU scores, in one process and in several.

    python -m benchmarks.gpu [--device cuda] [--proxies naswot …] [--workers 4 16] [--cells 64]

A cell of NAS-Bench-201 launches hundreds of small kernels, so a GPU waits for the processor that
launches them. Every line is one proxy: seconds a cell in this process, then how many times as many
cells a second by so many processes (`executor=processes`), after a pass that starts them.
`differ` is the largest relative difference of the scores by processes from the serial ones, and
`cpu` that from the scores of the CPU on the first cells. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from math import isnan
from pathlib import Path
from random import Random
from time import perf_counter
from typing import Any

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # however this is started

import torch

from nas import PROXIES, SPACES, Arch, ProxyObjective
from nas.cli.build import device_named
from nas.data.sources import make_batch
from nas.scoring.executors import EXECUTORS

DEAR = ("naswot", "grad_norm", "synflow", "zen", "trainability", "meco", "swap")
"""Proxies that are fast enough to be measured often, of every sort of pass."""


def difference(ones: Sequence[float], others: Sequence[float]) -> float:
    """The largest relative difference; infinite if only one of two scores exists."""
    apart = [0.0]
    for one, other in zip(ones, others, strict=True):
        if isnan(one) != isnan(other):
            return float("inf")
        if not isnan(one):
            apart.append(abs(one - other) / max(abs(other), 1e-12))
    return max(apart)


def by_processes(objective: ProxyObjective, archs: list[Arch], workers: int) -> Any:
    """Seconds of all architectures by so many processes, and their scores."""
    with EXECUTORS.build("processes", workers=workers) as apply:
        list(apply(objective.evaluate, archs[: 2 * workers] + archs[: 2 * workers]))
        start = perf_counter()
        scores = [each.score for each in apply(objective.evaluate, archs)]
        return perf_counter() - start, scores


def main() -> None:
    """Time every proxy serially, by processes and by threads."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--proxies", nargs="+", choices=list(PROXIES), default=DEAR)
    parser.add_argument("--workers", nargs="+", type=int, default=[4, 8, 16])
    parser.add_argument("--cells", type=int, default=64)
    parser.add_argument("--size", type=int, default=64, help="images in the batch")
    options = parser.parse_args()

    device = device_named(options.device)
    space = SPACES.build("nasbench201")
    batch = make_batch(space, "natural", size=options.size)
    archs = [space.sample(Random(number)) for number in range(options.cells)]
    results: dict[str, dict[str, float]] = {}
    for name in options.proxies:
        objective = ProxyObjective(space, PROXIES.build(name), batch.to(device), device=device)
        list(map(objective.evaluate, archs[:4]))
        few = archs[:16]
        start = perf_counter()
        serial = [objective.evaluate(arch).score for arch in few]
        alone = (perf_counter() - start) / len(few)
        figures = {"serial_s": round(alone, 5)}
        here = ProxyObjective(space, PROXIES.build(name), batch)
        on_cpu = [here.evaluate(arch).score for arch in few[:6]]
        figures["cpu"] = difference(serial[:6], on_cpu)
        for workers in options.workers:
            seconds, scores = by_processes(objective, archs, workers)
            figures[f"processes_{workers}"] = round(alone * len(archs) / seconds, 2)
            figures["differ"] = max(
                figures.get("differ", 0.0), difference(scores[: len(few)], serial)
            )
        results[name] = figures
        print(name, figures, flush=True)
    card = torch.cuda.get_device_name() if device == "cuda" else "none"
    print(json.dumps({"card": card, "cells": options.cells, "results": results}))


if __name__ == "__main__":
    main()
