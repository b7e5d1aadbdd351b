"""Measures proxies over a whole space from one score for every function.

    python -m benchmarks.whole_space functions --data FOLDER --out functions.csv
    nas compare table=functions.csv target=figure sample=all 'proxy=[meco,swap]' out=RUN …
    python -m benchmarks.whole_space report --data FOLDER RUN/scores.csv … [--parts 5]

FOLDER has `nasbench201.csv.gz`. `functions` writes the 5,044 distinct functions of NAS-Bench-201,
in random order. `report` reads their scores and gives each of the 15,625 cells the score of its
function. It prints two Markdown tables. The first has every proxy: Spearman's rho and Kendall's
tau-b over all cells with those without a score last, the coverage, and the true rank of the
favourite. The second has the rank sums of up to `--parts` proxies that are best on 1,000 random
cells (chosen by rho for CIFAR-10 there), with their figures on the other 14,625 cells and on all.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from random import Random

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # however this is started

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from nas import SPACES, Arch, Space
from nas.compare.correlations import correlation
from nas.data import tables
from nas.ranking import shares

Array = NDArray[np.float64]
TARGETS = ("cifar10_test", "cifar100_test")
CHOSEN_ON = 1000
"""Cells on which combinations are chosen."""
SHOWN = 8


def main() -> None:
    """Write the functions, or print the report."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("step", choices=["functions", "report"])
    parser.add_argument("scores", nargs="*", type=Path)
    parser.add_argument("--data", default=os.environ.get("NAS_DATA"))
    parser.add_argument("--out", type=Path, default=Path("functions.csv"))
    parser.add_argument("--parts", type=int, default=5)
    parser.add_argument("--only", nargs="+", help="the proxies that may be combined")
    options = parser.parse_intermixed_args()
    if options.data is None:
        parser.error("--data or NAS_DATA must be the folder of tables")
    space, truths = truth(Path(options.data))
    forms = [space.canonical(arch) for arch in truths[TARGETS[0]]]
    if options.step == "functions":
        write(options.out, space, dict(zip(forms, truths[TARGETS[0]].values(), strict=True)))
        return
    columns = read(options.scores, space, forms)
    values = {target: np.array([*facts.values()]) for target, facts in truths.items()}
    print(singles(columns, values))
    print()
    print(combined(columns, values, options.parts, options.only))


def truth(folder: Path) -> tuple[Space, dict[str, dict[Arch, float]]]:
    """The space, and for every target the true figure of every cell."""
    space = SPACES.build("nasbench201")
    table = tables.read(tables.tables_in(folder)["nasbench201"])
    truths = {}
    for target in TARGETS:
        found = tables.truth(table, space, target, "error", "error")
        truths[target] = dict(zip(found.archs, found.values, strict=True))
    return space, truths


def write(path: Path, space: Space, figures: dict[Arch, float]) -> None:
    """The functions as a table, in random order, so that a part of it is a sample."""
    rows = [(space.format(form), figure) for form, figure in figures.items()]
    Random(0).shuffle(rows)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("arch", "figure"), *rows])


def read(paths: Sequence[Path], space: Space, forms: Sequence[Arch]) -> dict[str, Array]:
    """Every proxy's score of every cell; NaN if there is none."""
    columns: dict[str, Array] = {}
    for path in paths:
        with path.open(newline="", encoding="utf-8") as file:
            rows = {space.parse(row.pop("arch")): row for row in csv.DictReader(file)}
        names = [name for name in next(iter(rows.values())) if name != "figure"]
        for name in names:
            columns[name] = np.array(
                [float(rows[form][name] or "nan") if form in rows else np.nan for form in forms]
            )
    return columns


def last(values: Array) -> Array:
    """The values with missing ones below all others."""
    return np.where(np.isnan(values), -np.inf, values)


def figures(values: Array, true: Array) -> str:
    """Rho and tau over all, the missing last."""
    rho, tau = correlation(last(values), true)
    return f"{rho:.3f} / {tau:.3f}"


def favourite(values: Array, true: Array) -> int:
    """The true rank of the best score."""
    return int((true > true[np.nanargmax(values)]).sum()) + 1


def singles(columns: dict[str, Array], truths: dict[str, Array]) -> str:
    """A table of single proxies, the best first."""
    rows = []
    for name, values in columns.items():
        each = [f"{figures(values, true)} ({favourite(values, true)})" for true in truths.values()]
        coverage = f"{100 * (~np.isnan(values)).mean():.1f} %"
        rows.append((each[0], f"| `{name}` | {' | '.join(each)} | {coverage} |"))
    head = f"| proxy | {' | '.join(truths)} | coverage |\n| --- |{' --- |' * len(truths)} --- |"
    return "\n".join([head, *(row for _, row in sorted(rows, reverse=True))])


def rank_sum(columns: Sequence[Array], cells: NDArray[np.intp]) -> Array:
    """The sum of the logarithms of ranks within a set of cells."""
    table = np.stack([last(column[cells]) for column in columns], axis=1)
    return np.asarray(np.log(shares(table)).sum(axis=1))


def combined(
    columns: dict[str, Array], truths: dict[str, Array], parts: int, only: Sequence[str] | None
) -> str:
    """A table of the rank sums that are best on some cells, with their figures on the others."""
    first = next(iter(truths.values()))
    every = np.arange(len(first))
    some = np.array(sorted(Random(0).sample(range(len(first)), CHOSEN_ON)))
    others = np.setdiff1d(every, some)
    names = [name for name in columns if only is None or name in only]
    tried = [group for size in range(2, parts + 1) for group in combinations(names, size)]
    ranks = {name: rankdata(last(columns[name][some])) for name in names}
    truth_ranks = rankdata(first[some])

    def rho(group: Sequence[str]) -> float:
        total = np.sum([np.log(ranks[name]) for name in group], axis=0)
        return float(np.corrcoef(rankdata(total), truth_ranks)[0, 1])

    best = sorted(tried, key=rho, reverse=True)[:SHOWN]
    lines = [
        f"| best of {len(tried)} rank sums on {CHOSEN_ON} cells | there | on the others "
        f"| {' | '.join(f'all, {target}' for target in truths)} |",
        f"| --- | --- | --- |{' --- |' * len(truths)}",
    ]
    for group in best:
        members = [columns[name] for name in group]
        chosen, rest = (
            figures(rank_sum(members, cells), first[cells]) for cells in (some, others)
        )
        total = rank_sum(members, every)
        each = [f"{figures(total, true)} ({favourite(total, true)})" for true in truths.values()]
        lines.append(f"| {' + '.join(group)} | {chosen} | {rest} | {' | '.join(each)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
