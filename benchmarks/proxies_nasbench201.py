"""How well every proxy ranks NAS-Bench-201, on the same cells and the same batch.

    python -m benchmarks.proxies_nasbench201 --data FOLDER [--cells 1000] [--proxies naswot …]

FOLDER holds `nasbench201.csv.gz` and `cifar10_images.npz`; the batch is the first `--size` images
with their labels. For every proxy Spearman's rho and Kendall's tau-b against `--target`, over the
cells with a score (dropped) and over all, those without ranked last (last). AZ-NAS is the rank
sum of its parts. Scores go to `--out` as they come, a CSV that a second run goes on from. The last
line is one JSON object.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import os
import sys
from math import nan
from pathlib import Path
from random import Random

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # however this is started

from benchmarks.epsilon_nasbench201 import measured
from nas import PROXIES, SPACES, Arch, Objective, Trial
from nas.batch import make_batch
from nas.ranking import rank_sum

AZ_NAS = ("expressivity", "progressivity", "trainability", "flops")


def remembered(path: Path | None) -> dict[tuple[str, str], float]:
    """The scores of an earlier run by (proxy, architecture)."""
    if path is None or not path.exists():
        return {}
    with path.open() as file:
        return {(row[0], row[1]): float(row[2]) for row in csv.reader(file) if len(row) == 3}


def az_nas(scores: dict[str, list[float]], archs: list[Arch]) -> list[float]:
    """The rank sum of AZ-NAS's parts over the set."""
    rows = [{name: scores[name][place] for name in AZ_NAS} for place in range(len(archs))]
    trials = [
        Trial(place, arch, sum(row.values()), {}, 0.0, scores=row)
        for place, (arch, row) in enumerate(zip(archs, rows, strict=True))
    ]
    return [value if value > float("-inf") else nan for value in rank_sum(trials)]


def main() -> None:
    """Score the cells by every proxy and print the correlations."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, default=os.environ.get("NAS_DATA"))
    parser.add_argument("--cells", type=int, default=1000)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--target", default="cifar10_test")
    parser.add_argument("--proxies", nargs="+", choices=list(PROXIES), default=list(PROXIES))
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    if options.data is None:
        parser.error("give --data, or set NAS_DATA")

    space = SPACES.build("nasbench201")
    data = Path(options.data)
    with gzip.open(data / "nasbench201.csv.gz", "rt") as file:
        rows = Random(options.seed).sample(list(csv.DictReader(file)), options.cells)
    archs = [space.parse(row["arch"]) for row in rows]
    truth = [float(row[options.target]) for row in rows]
    path = str(data / "cifar10_images.npz")
    batch = make_batch(space, "images", path=path, size=options.size)
    known = remembered(options.out)
    scores: dict[str, list[float]] = {}
    results: dict[str, object] = {"cells": len(archs), "target": options.target}
    for name in options.proxies:
        objective = Objective(space, PROXIES.build(name), batch, options.seed)
        scores[name] = []
        for arch, row in zip(archs, rows, strict=True):
            if (name, row["arch"]) not in known:
                known[name, row["arch"]] = objective(arch).score
                if options.out is not None:
                    with options.out.open("a") as file:
                        csv.writer(file).writerow([name, row["arch"], known[name, row["arch"]]])
            scores[name].append(known[name, row["arch"]])
        show(name, scores[name], truth, results)
    if set(AZ_NAS) <= scores.keys():
        show("az_nas", az_nas(scores, archs), truth, results)
    print(json.dumps(results))


def show(name: str, scores: list[float], truth: list[float], results: dict[str, object]) -> None:
    """Print one proxy's line and put its figures among the results."""
    figures = results[name] = measured(scores, truth)
    dropped, last = figures["dropped"], figures["last"]
    print(
        f"{name:<15} dropped: rho {dropped['rho']:.3f} tau {dropped['tau']:.3f} n {dropped['n']}"
        f"   last: rho {last['rho']:.3f} tau {last['tau']:.3f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
