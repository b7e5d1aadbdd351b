"""Measures how well the metric `latency` agrees with itself, on cells of NAS-Bench-201.

    python -m benchmarks.latency [--cells 30] [--runs 3] [--table FILE --columns raspi4 …]

Every run measures all cells once, in an order of its own, so that a machine that becomes slower
in the meantime does so for no cell in particular. Printed are the figures of every cell, and the
rank correlation (Spearman) of the runs with each other, with parameters, FLOPs and memory, and,
with `--table`, with columns of a table of other devices' latencies. `differ` is how far two runs
are apart, in the median over cells and pairs of runs; `spread` is the interquartile range of one
measurement, both as shares of the latency. `notes` counts what the metric said of other load: run
this on a quiet machine. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import os
import sys
from collections import Counter
from itertools import combinations
from math import isnan
from pathlib import Path
from random import Random
from statistics import fmean, median
from time import perf_counter

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # however this is started

from scipy.stats import spearmanr

from nas import METRICS, SPACES, Arch, Candidate, Measured, Space
from nas.batch import Batch
from nas.data.sources import make_batch

Figures = dict[Arch, float]
OTHERS = ("flops", "params", "memory")
"""What latency is compared with."""


def main() -> None:
    """Measure all cells several times and print how well the ranks agree."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cells", type=int, default=30)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--table", type=Path, default=None)
    parser.add_argument("--columns", nargs="*", default=[])
    parser.add_argument("--device", default="cpu")
    for name, value in (("batch", 1), ("threads", 1), ("warmup", 5), ("repeats", 30)):
        parser.add_argument(f"--{name}", type=int, default=value)
    options = parser.parse_args()

    space = SPACES.build("nasbench201")
    batch = make_batch(space, "natural", size=max(2, options.batch))
    cells = sampled(space, options.cells, Random(options.seed))
    named = {name: getattr(options, name) for name in ("batch", "threads", "warmup", "repeats")}
    latency = METRICS.build("latency", device=options.device, **named)
    latency.measure(Candidate(space, cells[0]), batch)  # the first pass of all loads libraries
    start = perf_counter()
    runs = []
    for number in range(options.runs):
        order = Random(f"{options.seed}/{number}").sample(cells, len(cells))
        runs.append({arch: latency.measure(Candidate(space, arch), batch) for arch in order})
        print(f"run {number + 1} of {options.runs} after {perf_counter() - start:.0f} s")
    seconds = (perf_counter() - start) / len(cells) / options.runs
    others = {name: measured(space, name, cells, batch) for name in OTHERS}
    others |= columns(space, options.table, options.columns, cells)
    result = {"device": options.device, **named, "cores": os.cpu_count()}
    report(space, cells, runs, others, {**result, "seconds_each": round(seconds, 2)})


def sampled(space: Space, number: int, rng: Random) -> list[Arch]:
    """So many cells that compute different functions, none of them constant."""
    found: dict[Arch, Arch] = {}
    while len(found) < number:
        arch = space.sample(rng)
        network = Candidate(space, arch).network
        if network is not None and not network.constant:
            found.setdefault(space.canonical(arch), arch)
    return [*found.values()]


def measured(space: Space, name: str, cells: list[Arch], batch: Batch) -> Figures:
    """A metric of every cell."""
    metric = METRICS.build(name)
    return {arch: metric.measure(Candidate(space, arch), batch) for arch in cells}


def columns(
    space: Space, table: Path | None, names: list[str], cells: list[Arch]
) -> dict[str, Figures]:
    """Columns of a table in which the column `arch` names the architectures."""
    if table is None:
        return {}
    wanted = {space.format(arch): arch for arch in cells}
    with gzip.open(table, "rt", newline="") as file:
        rows = {row["arch"]: row for row in csv.DictReader(file) if row["arch"] in wanted}
    return {
        name: {arch: float(rows[text][name]) for text, arch in wanted.items()} for name in names
    }


def report(
    space: Space,
    cells: list[Arch],
    runs: list[dict[Arch, float]],
    others: dict[str, Figures],
    result: dict[str, object],
) -> None:
    """Print a line for every cell, the correlations, and all in one object."""
    print("      ms" * len(runs) + "".join(f"{name:>14}" for name in others))
    for arch in sorted(cells, key=lambda arch: runs[0][arch]):
        figures = "".join(f"{run[arch]:8.2f}" for run in runs)
        shown = "".join(f"{figures[arch]:>14,.6g}" for figures in others.values())
        print(f"{figures}{shown}  {space.format(arch)}")
    pairs = [*combinations(runs, 2)]
    apart = [abs(one[arch] / other[arch] - 1) for one, other in pairs for arch in cells]
    every = [each for run in runs for each in run.values() if isinstance(each, Measured)]
    own = [correlation(one, other, cells) for one, other in pairs]
    result |= {
        "cells": len(cells),
        "rho_between_runs": own,
        **{
            f"rho_{name}": round(fmean(correlation(run, figures, cells) for run in runs), 4)
            for name, figures in others.items()
        },
        "differ": round(median(apart), 4) if apart else None,
        "spread": round(median(each.more["iqr"] / each for each in every), 4),
        "notes": Counter(each.note or "none" for each in every),
    }
    for name, value in result.items():
        print(f"{name}: {value}")
    print(json.dumps(result))


def correlation(one: Figures, other: Figures, cells: list[Arch]) -> float:
    """Spearman's rank correlation over the cells."""
    found = float(spearmanr([one[arch] for arch in cells], [other[arch] for arch in cells])[0])
    assert not isnan(found)
    return round(found, 4)


if __name__ == "__main__":
    main()
