"""Measures how well epsilon ranks NAS-Bench-201: correlation with the trained accuracies.

    python -m benchmarks.epsilon_nasbench201 --data FOLDER [--cells 1000] [--batch natural …]

FOLDER has `nasbench201.csv.gz` (columns `arch` and the target) and, for `images`,
`cifar10_images.npz`. For every batch it prints Spearman's rho and Kendall's tau-b over the cells
with a score (dropped), over all cells with those without a score last (last), and without the
underflow rule (exact). The last line is one JSON object with the same figures.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import os
import sys
from math import inf, isnan
from pathlib import Path
from random import Random
from time import perf_counter

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # however this is started

from scipy.stats import kendalltau, spearmanr

from nas import PROXIES, SPACES, ProxyObjective
from nas.data.sources import make_batch

BATCHES = ("images", "natural", "ramp", "noise")


def correlations(scores: list[float], truth: list[float]) -> dict[str, float]:
    """Spearman's rho and Kendall's tau-b of a set, and its size."""
    rho, tau = spearmanr(scores, truth).statistic, kendalltau(scores, truth).statistic
    return {"rho": round(float(rho), 4), "tau": round(float(tau), 4), "n": len(scores)}


def measured(scores: list[float], truth: list[float]) -> dict[str, dict[str, float]]:
    """Correlations with missing scores dropped, and with them ranked last."""
    kept = [(score, true) for score, true in zip(scores, truth, strict=True) if not isnan(score)]
    last = [-inf if isnan(score) else score for score in scores]
    return {
        "dropped": correlations([score for score, _ in kept], [true for _, true in kept]),
        "last": correlations(last, truth),
    }


def main() -> None:
    """Score the cells under every batch and print the correlations."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, default=os.environ.get("NAS_DATA"))
    parser.add_argument("--cells", type=int, default=1000)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--target", default="cifar10_test")
    parser.add_argument("--batch", nargs="+", choices=BATCHES, default=BATCHES)
    options = parser.parse_args()
    if options.data is None:
        parser.error("give --data, or set NAS_DATA")

    space = SPACES.build("nasbench201")
    with gzip.open(options.data / "nasbench201.csv.gz", "rt") as file:
        rows = Random(options.seed).sample(list(csv.DictReader(file)), options.cells)
    archs = [space.parse(row["arch"]) for row in rows]
    truth = [float(row[options.target]) for row in rows]
    results: dict[str, object] = {"cells": options.cells, "target": options.target}
    for name in options.batch:
        extra = {"path": str(options.data / "cifar10_images.npz")} if name == "images" else {}
        batch = make_batch(space, name, size=options.size, **extra)
        figures: dict[str, dict[str, float]] = {}
        times = {}
        for rule in ("float32", "none"):
            objective = ProxyObjective(space, PROXIES.build("epsilon", underflow=rule), batch)
            start = perf_counter()
            scores = [objective.evaluate(arch).score for arch in archs]
            times[rule] = round((perf_counter() - start) / len(archs), 5)
            found = measured(scores, truth)
            figures |= found if rule == "float32" else {"exact": found["dropped"]}
        results[name] = {**figures, "seconds_per_cell": times["float32"]}
        for key in ("dropped", "last", "exact"):
            cells = figures[key]
            print(
                f"{name:<8} {key:<8} rho {cells['rho']:.3f} tau {cells['tau']:.3f} n {cells['n']}"
            )
    print(json.dumps(results))


if __name__ == "__main__":
    main()
