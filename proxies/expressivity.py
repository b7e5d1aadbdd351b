"""AZ-NAS's expressivity: how evenly features use their channels."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan
from typing import Literal

from nas import PROXIES, Candidate, NoScore
from nas.batch import Batch
from nas.network.initialisation import Init
from proxies._features import Entropies, entropies, needs_maps
from proxies._passes import Looking, seen


@PROXIES.register("expressivity")
class Expressivity(Looking):
    """Entropy of the features' principal components, summed over blocks (AZ-NAS, Lee & Ham 2024).

    Features are the outputs of the main blocks. For each feature, p are the eigenvalues of the
    covariance of its channels over batch and pixels, divided by their sum:

        expressivity = sum over features of -sum p log(p + 1e-8),   higher is better.

    Source: arXiv:2403.19232 and its reference code. As there, the main blocks of NAS-Bench-201 are
    the stem, each cell and each residual block. For a model given as modules, the features are
    the outputs of its ReLUs. Weights are Kaiming's; inputs are N(0, 1) in the batch's shape, or
    the batch with `input=batch`. It uses no labels and no gradients.

    There is no score if a feature is constant. An eigenvalue that is negative by rounding counts
    as 0; in the reference its logarithm can make the score NaN.
    """

    def __init__(
        self, input: Literal["gaussian", "batch"] = "gaussian", init: Init = "kaiming"
    ) -> None:
        self.input, self.init = input, init

    def looks(self, batch: Batch) -> Sequence[Entropies]:
        """The entropies of the features."""
        return entropies(self.init, self.input, "expressivity")

    def score(self, candidate: Candidate, batch: Batch) -> float:
        """The sum over the features."""
        (look,) = self.looks(batch)
        values = seen(candidate, batch, look)
        needs_maps(len(values), 1, "expressivity")
        total = sum(values)
        return NoScore("a feature is constant or not finite") if isnan(total) else float(total)
