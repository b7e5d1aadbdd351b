"""What a proxy as a feature does for `guided`, from one score for every function of a space.

    python -m benchmarks.whole_space functions --data FOLDER --out functions.csv
    nas compare table=functions.csv target=figure sample=all 'proxy=[synflow,meco,swap]' out=RUN …
    python -m benchmarks.guided_features RUN/scores.csv … --data FOLDER --out FEATURES
        [--proxies synflow meco] [--seeds 100]
    python -m benchmarks.guided FEATURES --data FOLDER

The searches are those of `nas study proxy=table table=nasbench201 target=cifar10valid_valid
strategy=guided move=PROXY`, but each cell has the proxy's score of its function, so that nothing
is built. They are written as a study is, one folder a search; what is there is not searched again.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Callable, Sequence
from itertools import product
from math import inf
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # however this is started

from nas import SPACES, STRATEGIES, Arch, Evaluation, History, Space, trials
from nas.data import tables
from nas.strategy import moved_by

Lookup = Callable[[Sequence[Arch]], list[float]]


class Known:
    """The figures of a table as an objective."""

    def __init__(self, figures: dict[Arch, float]) -> None:
        self.figures = figures

    def form(self, arch: Arch) -> Arch:
        """The architecture itself: each has a figure of its own."""
        return arch

    def metrics(self, arch: Arch) -> dict[str, float]:
        """None."""
        return {}

    def evaluate(self, arch: Arch) -> Evaluation:
        """The figure."""
        return Evaluation(self.figures[arch], {}, 0.0)


def main() -> None:
    """Make the searches."""
    options = arguments()
    space = SPACES.build(options.space)
    table = tables.read(Path(options.data) / options.table)
    truth = tables.truth(table, space, options.target, "error", "error")
    known = Known(dict(zip(truth.archs, truth.values, strict=True)))
    features = lookups(options.scores, space)
    for seed, name in product(range(options.seeds), options.proxies or features):
        folder = options.out / f"move={name},strategy=guided,seed={seed}"
        if (folder / "history.jsonl").exists():
            continue
        strategy = moved_by(STRATEGIES.build("guided", space), features[name])
        steps = trials(strategy, known, History(), budget=options.budget, seed=seed)
        lines = [json.dumps({"arch": trial.arch, "score": trial.score}) for trial in steps]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "history.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def lookups(files: Sequence[Path], space: Space) -> dict[str, Lookup]:
    """What gives architectures a proxy's scores, for every proxy of the files."""
    found: dict[str, dict[Arch, float]] = {}
    for file in files:
        with file.open(encoding="utf-8", newline="") as lines:
            for row in csv.DictReader(lines):
                form = space.canonical(space.parse(row.pop("arch")))
                for name, text in row.items():
                    found.setdefault(name, {})[form] = float(text) if text else -inf
    return {name: lookup(space, scores) for name, scores in found.items()}


def lookup(space: Space, scores: dict[Arch, float]) -> Lookup:
    """What gives architectures the scores of their functions."""
    return lambda archs: [scores[space.canonical(arch)] for arch in archs]


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scores", type=Path, nargs="+")
    parser.add_argument("--data", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--proxies", nargs="+", help="some of the proxies in the files")
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--budget", type=int, default=150)
    parser.add_argument("--space", default="nasbench201")
    parser.add_argument("--table", default="nasbench201.csv.gz")
    parser.add_argument("--target", default="cifar10valid_valid")
    return parser.parse_args()


if __name__ == "__main__":
    main()
