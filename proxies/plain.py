"""Weights times gradients with their signs: SNIP without the absolute value."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from nas import PROXIES, Candidate
from nas.batch import Batch
from nas.network.initialisation import Init
from proxies._gradients import Precision, total
from proxies._passes import Looking, Pass, Slopes, seen


@PROXIES.register("plain")
class Plain(Looking):
    """Sum of the weights times their gradients, positive and negative, after one backward pass.

        plain = Σ W ∂L/∂W over convolutions and linear layers,   higher is better,

    where L is the mean cross entropy of the batch. Source: zero-cost-nas (Abdelfattah et al. 2021,
    arXiv:2101.08134). Scaling a layer before a norm hardly changes the loss, so its part is 0 up
    to the norm's eps, and only the layers without a norm remain: the formula makes a weak
    baseline. Only weights count, no biases and no norms' scales; norms use the statistics of the
    batch. Options: `init`, how weights are drawn; `dtype`: terms that cancel leave the rounding of
    float32, up to 1 % of the score between two devices.
    """

    def __init__(self, init: Init = "default", dtype: Precision = "float32") -> None:
        self.init, self.dtype = init, dtype

    def looks(self, batch: Batch) -> Sequence[Slopes]:
        """The gradients of the loss."""
        return [Slopes(Pass(self.init, dtype=self.dtype), "plain")]

    def score(self, candidate: Candidate, batch: Batch) -> float:
        """The sum over the layers."""
        (look,) = self.looks(batch)
        pairs = seen(candidate, batch, look)
        return total(torch.dot(weight.flatten(), slope.flatten()) for weight, slope in pairs)
