"""Measures how `nas proxify` chooses among a table's own cheaper columns, over seeds.

    python -m benchmarks.proxify --table FILE [--space nasbench201] [--seeds 200]
        [--full cifar10valid_valid] [--cost 200] [--columns cifar10valid_valid_12ep=12 …]
        [--samples 6 12 24 48] [--tau 0.6]

For every sample size it prints how often a column is chosen, the mean speed-up and the mean number
of architectures that the columns are trained on; the quartiles of a column's tau on the sample;
and how often what is chosen misses the target on all rows, which is what a sample cannot see.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from random import Random

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # however this is started

import numpy as np

from nas import SPACES
from nas.data.lookup import Column
from nas.training.proxify import proxified, tau
from nas.training.ways import Array, Columns


def figures(options: argparse.Namespace, names: list[str]) -> dict[str, Array]:
    """Each column's figures for all rows."""
    space = SPACES.build(options.space)
    table = Column.of(options.table, names[0], os.environ.get("NAS_DATA"))
    return {
        name: np.array([*table.with_target(name).figures(space).values.values()], dtype=np.float64)
        for name in names
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--table", required=True)
    parser.add_argument("--space", default="nasbench201")
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--full", default="cifar10valid_valid")
    parser.add_argument("--cost", type=float, default=200)
    parser.add_argument("--columns", nargs="+", default=["cifar10valid_valid_12ep=12"])
    parser.add_argument("--samples", nargs="+", type=int, default=[6, 12, 24, 48])
    parser.add_argument("--tau", type=float, default=0.6)
    options = parser.parse_args()
    costs = {name: float(cost) / options.cost for name, cost in map(_pair, options.columns)}
    every = figures(options, [options.full, *costs])
    full = every.pop(options.full)
    true = {name: tau(values, full) for name, values in every.items()}
    for name in sorted(every, key=costs.__getitem__):
        print(f"{name}: {1 / costs[name]:.3g}x, tau of all {len(full):,} rows {true[name]:.3f}")
    for sample in options.samples:
        chosen: list[str | None] = []
        trained, taus = [], []
        for seed in range(options.seeds):
            places = Random(f"proxify/{seed}").sample(range(len(full)), sample)
            some = {name: values[places] for name, values in every.items()}
            ways = Columns([(place,) for place in places], full[places], some, costs)
            found = proxified(ways, options.tau, seed)
            chosen.append(found["chosen"])
            trained.append(sum(row["archs"] for row in found["rows"]))
            taus.append([tau(values, full[places]) for values in some.values()])
        _print(options, sample, chosen, true, costs, trained)
        for name, each in zip(every, np.array(taus).T, strict=True):
            low, middle, high = np.quantile(each, [0.25, 0.5, 0.75])
            print(f"    tau of {name} on the sample: {low:.2f} {middle:.2f} {high:.2f}")


def _pair(text: str) -> tuple[str, str]:
    name, _, cost = text.partition("=")
    return name, cost


def _print(
    options: argparse.Namespace,
    sample: int,
    chosen: list[str | None],
    true: dict[str, float],
    costs: dict[str, float],
    trained: list[int],
) -> None:
    good = [name for name in chosen if name is not None]
    missed = sum(true[name] < options.tau for name in good)
    counts = ", ".join(f"{name} {good.count(name)}" for name in costs)
    print(
        f"{sample} architectures, {len(chosen)} seeds: {counts}, none {len(chosen) - len(good)}; "
        f"speed-up {np.mean([1 / costs[name] for name in good] or [0]):.3g}x; "
        f"trained {np.mean(trained):.1f}; below the target on all rows {missed}"
    )


if __name__ == "__main__":
    main()
