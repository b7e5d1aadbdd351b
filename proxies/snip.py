"""SNIP: how much the removal of each weight would change the loss, to first order."""

from __future__ import annotations

from collections.abc import Sequence

from nas import PROXIES, Candidate
from nas.batch import Batch
from nas.network.initialisation import Init
from proxies._gradients import total
from proxies._passes import Looking, Pass, Slopes, seen


@PROXIES.register("snip")
class Snip(Looking):
    """Sum of the weights' saliencies |w ∂L/∂w| after one backward pass (Lee et al. 2019).

        snip = Σ |W ∂L/∂W| over convolutions and linear layers,   higher is better,

    where L is the mean cross entropy of the batch. Source: arXiv:1810.02340; zero-cost-nas
    (Abdelfattah et al. 2021, arXiv:2101.08134) makes it a score of networks. The paper divides by
    the sum; zero-cost-nas does not, because then every network would score 1. Only weights count,
    no biases and no norms' scales; norms use the statistics of the batch. A cell that no gradient
    reaches scores 0. Option: `init`, how weights are drawn.
    """

    def __init__(self, init: Init = "default") -> None:
        self.init = init

    def looks(self, batch: Batch) -> Sequence[Slopes]:
        """The gradients of the loss."""
        return [Slopes(Pass(self.init), "snip")]

    def score(self, candidate: Candidate, batch: Batch) -> float:
        """The sum over the layers."""
        (look,) = self.looks(batch)
        pairs = seen(candidate, batch, look)
        return total((weight * slope).abs().sum() for weight, slope in pairs)
