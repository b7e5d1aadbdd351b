"""AZ-NAS's progressivity: how much expressivity every block adds."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import isnan
from typing import Literal

from nas import PROXIES, Candidate, NoScore
from nas.batch import Batch
from nas.network.initialisation import Init
from proxies._features import Entropies, entropies, needs_maps
from proxies._passes import Looking, seen


@PROXIES.register("progressivity")
class Progressivity(Looking):
    """Least growth of expressivity from a block to the next (AZ-NAS, Lee & Ham 2024).

    h are the features' entropies; `expressivity` is their sum:

        progressivity = min over blocks of h_(i+1) - h_i,   higher is better.

    Source: arXiv:2403.19232 and its reference code. Features, options and missing scores are as
    in `expressivity`.
    """

    def __init__(
        self, input: Literal["gaussian", "batch"] = "gaussian", init: Init = "kaiming"
    ) -> None:
        self.input, self.init = input, init

    def looks(self, batch: Batch) -> Sequence[Entropies]:
        """The entropies of the features."""
        return entropies(self.init, self.input, "progressivity")

    def score(self, candidate: Candidate, batch: Batch) -> float:
        """The smallest difference between neighbouring features."""
        (look,) = self.looks(batch)
        values = seen(candidate, batch, look)
        needs_maps(len(values), 2, "progressivity")
        if any(map(isnan, values)):
            return NoScore("a feature is constant or not finite")
        return float(min(later - earlier for earlier, later in pairwise(values)))
