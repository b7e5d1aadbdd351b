"""Measures how much of the true front strategies find where every architecture is known.

    python -m benchmarks.nsga2 --data FOLDER [--space nasbench201] [--table nasbench201.csv.gz]
        [--columns cifar10valid_valid,-lat_ms_raspi4] [--budget 1500] [--seeds 20]
        [--strategies nsga2 evolution random] [--out FILE.png]

The objectives are columns of the table, -COLUMN where lower is better; a query is a look-up in a
dictionary, and every row is an architecture of its own. 100 % is the hypervolume of the front of
the whole table. It is measured from two reference points: `worst` is the worst of the whole table
in every objective, `nadir` the worst of its front, which is stricter. A strategy's options follow
its name, as in nsga2:population=32,crossover=0.5; `pymoo` is pymoo's NSGA-II, which has to be
installed for it alone. It prints the shares over seeds after some
numbers of queries, the share of the front's points that were found, and draws the curves.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # however this is started

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from benchmarks.pymoo_nsga2 import asked
from nas import RANKINGS, SPACES, STRATEGIES, Arch, Evaluation, History, Space, dominance, trials
from nas.data import tables
from nas.dominance import hypervolume
from nas.registry.options import Choice
from nas.searching.pareto import growth

Array = NDArray[np.float64]


class Looked:
    """Figures from a dictionary, as the scores of several proxies."""

    def __init__(self, figures: Mapping[Arch, Mapping[str, float]]) -> None:
        self.figures = figures

    def form(self, arch: Arch) -> Arch:
        """The architecture itself: each row of the table has figures of its own."""
        return arch

    def metrics(self, arch: Arch) -> Mapping[str, float]:
        """None."""
        return {}

    def evaluate(self, arch: Arch) -> Evaluation:
        """The row's figures."""
        scores = self.figures[arch]
        return Evaluation(sum(scores.values()), {}, 0.0, scores=scores)


def main() -> None:
    """Search with every strategy and seed, print the table, draw the curves."""
    options = arguments()
    space = SPACES.build(options.space)
    figures = known(Path(options.data) / options.table, space, options.columns)
    points = np.array([[*each.values()] for each in figures.values()])
    front = np.unique(points[dominance.fronts(points) == 0], axis=0)
    origins = {"worst": points.min(axis=0), "nadir": front.min(axis=0)}
    print(f"{len(points):,} architectures, {len(front)} points on the front")
    for name, origin in origins.items():
        print(f"{name}: {dict(zip(options.columns, origin.tolist(), strict=True))}")
    curves: dict[str, dict[str, Array]] = {name: {} for name in origins}
    for label in options.strategies:
        start = perf_counter()
        seen = [searched(label, space, figures, n, options.budget) for n in range(options.seeds)]
        seconds = (perf_counter() - start) / options.seeds
        for name, origin in origins.items():
            each = np.array([growth(told, origin) for told in seen])
            curves[name][label] = each / hypervolume(front, origin)
            row(f"{label} ({name})", curves[name][label])
        found = median(len({*map(tuple, front)} & {*map(tuple, told)}) for told in seen)
        print(f"{label}: {found:g} of {len(front)} points found, {seconds:.2f} s a search")
    if options.out:
        drawn(curves).savefig(options.out, dpi=120)


def known(path: Path, space: Space, columns: Sequence[str]) -> dict[Arch, dict[str, float]]:
    """The figures of every architecture that has all of them; higher is better."""
    table = tables.read(path)
    found: dict[Arch, dict[str, float]] = {}
    for column in columns:
        truth = tables.truth(table, space, column, "error", "error")
        for arch, value in zip(truth.archs, truth.values, strict=True):
            found.setdefault(arch, {})[column] = value
    return {arch: each for arch, each in found.items() if len(each) == len(columns)}


def searched(
    label: str, space: Space, figures: Mapping[Arch, Mapping[str, float]], seed: int, budget: int
) -> Array:
    """The points (queries, objectives) that one search asked for, in order."""
    if label == "pymoo":
        return np.array(
            [[*figures[arch].values()] for arch in asked(space, figures, seed, budget)]
        )
    name, _, words = label.partition(":")
    given = dict(word.split("=") for word in words.split(",") if word)
    options = {key: _plain(value) for key, value in given.items()}
    strategy = STRATEGIES.configured(Choice(name, options), space, RANKINGS["pareto"])
    steps = trials(strategy, Looked(figures), History(), budget=budget, seed=seed)
    return np.array([[*trial.scores.values()] for trial in steps])


def _plain(value: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(value)
        except ValueError:
            pass
    return value


def row(name: str, curves: Array) -> None:
    """Print the quartiles of the shares after some numbers of queries."""
    total = curves.shape[1]
    for count in sorted({count for count in (100, 250, 500, 1000) if count < total} | {total}):
        low, middle, high = np.quantile(curves[:, count - 1], [0.25, 0.5, 0.75])
        worst = curves[:, count - 1].min()
        box = f"{middle:.2%} [{low:.2%}, {high:.2%}], worst {worst:.2%}"
        print(f"{name:<36}{count:>6} queries: {box}")


def drawn(curves: Mapping[str, Mapping[str, Array]]) -> Figure:
    """The median of what is missing after every query, with the quartiles as a band."""
    figure = Figure(figsize=(9.5, 4), layout="constrained")
    for axes, (name, every) in zip(figure.subplots(1, len(curves)), curves.items(), strict=True):
        for place, (label, each) in enumerate(every.items()):
            low, middle, high = 100 - 100 * np.quantile(each, [0.25, 0.5, 0.75], axis=0)
            numbers = np.arange(1, each.shape[1] + 1)
            line = ("-", "--", "-.", ":")[place % 4]
            axes.plot(numbers, middle, color=f"C{place}", ls=line, label=label)
            axes.fill_between(numbers, high, low, color=f"C{place}", alpha=0.15, lw=0)
        axes.axhline(2, color="0.6", lw=0.8)
        axes.set_yscale("log")
        axes.set_ylim(0.02, 30)
        axes.set_xlabel("queries (the grey line: 98 % is found)")
        axes.set_ylabel("% of the true front's hypervolume missing")
        axes.set_title(f"from the {name} point", fontsize=10)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False)
    return figure


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True)
    parser.add_argument("--space", default="nasbench201")
    parser.add_argument("--table", default="nasbench201.csv.gz")
    parser.add_argument(
        "--columns",
        type=lambda text: text.split(","),
        default=["cifar10valid_valid", "-lat_ms_raspi4"],
    )
    parser.add_argument("--budget", type=int, default=1500)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--strategies", nargs="+", default=["nsga2", "evolution", "random"])
    parser.add_argument("--out", default="")
    return parser.parse_args()


if __name__ == "__main__":
    main()
