"""Writes `tests/support/oracles/slow.json`: scores by slow computations that are in tests.

    python -m tests.support.make_oracles

The file lets a clone without real data hold the proxies against figures. Its figures are float64
and of `slow_epsilon` and `slow_proxies`, never of `proxies/`. Write it again only where inputs
or draws change on purpose.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from math import isnan
from pathlib import Path
from random import Random

import torch
from torch import Tensor

from nas import Candidate
from nas.batch import Batch
from nas.data.sources import make_batch
from nas.seeding import one_thread
from tests.support import slow_epsilon
from tests.support.double import Double
from tests.support.nets import OneModule, Tiny, formula_batch
from tests.support.slow_proxies import PLAIN
from tests.support.small import SMALL, small

FILE = Path(__file__).parent / "oracles" / "slow.json"
MADE_BY = (
    "python -m tests.support.make_oracles: epsilon by tests/support/slow_epsilon.py, the others "
    "by tests/support/slow_proxies.py, dense and in float64, independent of nas.collapse and of "
    "the proxies' own code; what is drawn at random is drawn from the candidate's seed 0"
)
EPSILON: dict[str, tuple[Callable[[str, Tensor], float], int]] = {
    "nasbench201": (slow_epsilon.of_nasbench201, 12),
    "nasbench101": (slow_epsilon.of_nasbench101, 4),
}
"""The slow computation for a space, and how many cells of it are in the file."""
CELL = (3, 1, 2, 4, 0, 3)
"""The NAS-Bench-201 cell of proxies that look at a network's blocks or layers."""
OF_TINY = (
    *("l2_norm", "grad_norm", "snip", "plain", "synflow", "grasp", "fisher", "zico", "gradsign"),
    *("ntk", "jacob_cov", "naswot", "linear_regions", "swap", "meco", "zen"),
)
"""Proxies of the net «tiny» and the formula's 16 images."""
OF_CELL = ("expressivity", "progressivity", "trainability", "nasgraph")


def natural(space: str) -> Batch:
    """The 16 images that epsilon's figures are of."""
    return make_batch(small(space), "natural", size=16, seed=0)


def candidate(proxy: str) -> Candidate:
    """The network that a proxy's figure is of."""
    if proxy in OF_TINY:
        return Candidate(OneModule(lambda: Tiny(torch.float64)), (0,))
    if proxy == "nasgraph":  # which works from layers
        return Candidate(small("nasbench201"), CELL, live=False)
    return Candidate(Double(), CELL, live=False)


def batch(proxy: str) -> Batch:
    """The images that a proxy's figure is of."""
    return formula_batch() if proxy in OF_TINY else formula_batch(resolution=8)


def epsilons(name: str, number: int) -> dict[str, float | None]:
    """Epsilon of a space's first drawn cells, by their notation."""
    space, images = small(name), natural(name).inputs
    cells = [space.format(space.sample(Random(seed))) for seed in range(number)]
    return {cell: nullable(EPSILON[name][0](cell, images)) for cell in cells}


def nullable(score: float) -> float | None:
    """JSON has no NaN."""
    return None if isnan(score) else score


def main() -> None:
    """Compute all figures and write the file."""
    content = {
        "made_by": MADE_BY,
        "torch": torch.__version__.partition("+")[0],
        "epsilon": {
            name: {
                "macro": SMALL[name],
                "batch": "natural, 16 images, seed 0",
                "sum_of_inputs": natural(name).inputs.double().sum().item(),
                "weights": slow_epsilon.WEIGHTS[name],
                "cells": epsilons(name, number),
            }
            for name, (_, number) in EPSILON.items()
        },
        "tiny": {name: nullable(PLAIN[name](candidate(name), batch(name))) for name in OF_TINY},
        "cell": {
            "tuple": CELL,
            **{name: nullable(PLAIN[name](candidate(name), batch(name))) for name in OF_CELL},
        },
    }
    FILE.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    with one_thread():
        main()
