"""Medians of the regret that the searches of a study have after some numbers of queries.

    nas study proxy=table table=nasbench201 target=cifar10valid_valid 'metrics=[]' budget=150
        seeds=100 strategy=guided,evolution,local,random out=STUDY
    python -m benchmarks.guided STUDY --data FOLDER [--space nasbench201]
        [--table nasbench201.csv.gz] [--target cifar10valid_valid] [--cost lat_ms_pixel3]
        [--out FILE.png]

It reads the journals of the study's searches. For every variant it prints the median regret, how
many searches have found the best of the table, and the mean number of queries until then, where a
search that has not found it counts with one query more than it made. The picture has the medians
with their quartiles. With `--cost` the searches had two objectives, the score and a metric, and
the table has the percentage of the whole front's hypervolume that they have not found.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # however this is started

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from nas import SPACES
from nas.data import tables
from nas.dominance import hypervolume

Array = NDArray[np.float64]
COUNTS = (50, 100, 150)


def main() -> None:
    """Print the table and draw the curves."""
    options = arguments()
    curves = shortfalls(options.study, Truth(options))
    what = "% missing" if options.cost else "regret"
    heads = ["variant", "searches", *(f"{what} at {count}" for count in COUNTS)]
    heads += [] if options.cost else ["found the best", "queries until then"]
    print(f"| {' | '.join(heads)} |\n| {' | '.join('---' for _ in heads)} |")
    for name, curve in sorted(curves.items(), key=lambda each: np.median(each[1], axis=0).sum()):
        medians = [
            f"{np.median(curve[:, count - 1]):.3f}" if count <= curve.shape[1] else "–"
            for count in COUNTS
        ]
        cells = [name, f"{len(curve)}", *medians]
        if not options.cost:
            until = (curve > 0).sum(axis=1).mean() + 1
            cells += [f"{(curve[:, -1] <= 0).mean():.0%}", f"{until:.1f}"]
        print(f"| {' | '.join(cells)} |")
    if options.out:
        drawn(curves, what).savefig(options.out, dpi=120)


class Truth:
    """What could be found in the table."""

    def __init__(self, options: argparse.Namespace) -> None:
        table = tables.read(Path(options.data) / options.table)
        space = SPACES.build(options.space)
        self.cost = options.cost
        names = [options.target] + ([f"-{self.cost}"] if self.cost else [])
        truths = [tables.truth(table, space, name, "error", "error") for name in names]
        self.points = np.array([each.values for each in truths]).T
        self.reference = np.median(self.points, axis=0)
        self.reference[1:] = self.points[:, 1:].min(axis=0)

    def shortfall(self, trials: list[dict[str, Any]]) -> Array:
        """How far the best so far is from the best that there is, after every trial.

        With a cost it is the percentage that is missing of the hypervolume of the table's front,
        above the table's median of the target and its highest cost.
        """
        scores = np.array([-np.inf if t["score"] is None else t["score"] for t in trials])
        if not self.cost:
            return np.asarray(self.points.max() - np.maximum.accumulate(scores))
        points = np.stack([scores, [-t["metrics"][self.cost] for t in trials]], axis=1)
        whole = hypervolume(self.points, self.reference)
        counts = range(1, len(points) + 1)
        shares = [hypervolume(points[:count], self.reference) / whole for count in counts]
        return np.asarray(np.maximum(100 * (1 - np.array(shares)), 0))


def shortfalls(study: Path, truth: Truth) -> dict[str, Array]:
    """For every variant: how far its searches are from the best, (searches, queries).

    A search that ended early keeps its last figure.
    """
    found: dict[str, list[Array]] = {}
    for folder in sorted(study.glob("*seed=*")):
        name = ", ".join(word for word in folder.name.split(",") if not word.startswith("seed="))
        lines = (folder / "history.jsonl").read_text(encoding="utf-8").splitlines()
        history = [trial for trial in map(json.loads, lines) if "score" in trial]
        found.setdefault(name or "all searches", []).append(truth.shortfall(history))
    longest = max((len(each) for curves in found.values() for each in curves), default=0)
    if not longest:
        sys.exit(f"{study} has no searches")
    return {
        name: np.array([np.pad(each, (0, longest - len(each)), "edge") for each in curves])
        for name, curves in found.items()
    }


def drawn(curves: Mapping[str, Array], what: str) -> Figure:
    """The median shortfall after every query, with the quartiles as a band."""
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    for place, (name, curve) in enumerate(curves.items()):
        low, middle, high = np.quantile(curve, [0.25, 0.5, 0.75], axis=0)
        numbers = np.arange(1, curve.shape[1] + 1)
        line = ("-", "--", "-.", ":")[place % 4]
        axes.plot(numbers, middle, color=f"C{place}", ls=line, label=name)
        axes.fill_between(numbers, low, high, color=f"C{place}", alpha=0.15, lw=0)
    axes.set_yscale("symlog", linthresh=0.1)
    axes.set_ylim(0, 100 if what.startswith("%") else 10)
    axes.set_xlabel("queries")
    axes.set_ylabel(f"{what}: median and quartiles")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    return figure


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("study", type=Path)
    parser.add_argument("--data", required=True)
    parser.add_argument("--space", default="nasbench201")
    parser.add_argument("--table", default="nasbench201.csv.gz")
    parser.add_argument("--target", default="cifar10valid_valid")
    parser.add_argument("--cost", help="a metric that the searches had as second objective")
    parser.add_argument("--out", default="")
    return parser.parse_args()


if __name__ == "__main__":
    main()
