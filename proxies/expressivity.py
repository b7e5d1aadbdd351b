"""AZ-NAS's expressivity: how evenly features use their channels."""

from __future__ import annotations

from math import isnan
from typing import Literal

from nas import PROXIES, Candidate, NoScore, Proxy
from nas.batch import Batch
from nas.network.initialisation import Init
from proxies._features import needs_maps, shared_entropies


@PROXIES.register("expressivity")
class Expressivity(Proxy):
    """Entropy of the features' principal components, summed over blocks (AZ-NAS, Lee & Ham 2024).

    Features are the outputs of the main blocks; with p the eigenvalues of the covariance of one's
    channels over batch and places, divided by their sum,

        expressivity = sum over features of -sum p log(p + 1e-8),   higher is better.

    Source: arXiv:2403.19232 and its reference code. Main blocks of NAS-Bench-201 are, as there,
    the stem, each cell and each residual block; of a model given as modules, what comes out of
    its ReLUs. Weights are Kaiming's, inputs N(0, 1) in the batch's shape; `input=batch` takes the
    batch. No labels, no gradients.

    No score where a feature is constant. An eigenvalue that rounding made negative counts as 0;
    the reference may lose the score to its logarithm.
    """

    def __init__(
        self, input: Literal["gaussian", "batch"] = "gaussian", init: Init = "kaiming"
    ) -> None:
        self.input, self.init = input, init

    def score(self, candidate: Candidate, batch: Batch) -> float:
        """The sum over the features."""
        values = shared_entropies(candidate, batch, self.input, self.init, "expressivity")
        needs_maps(len(values), 1, "expressivity")
        total = sum(values)
        return NoScore("a feature is constant or not finite") if isnan(total) else total
