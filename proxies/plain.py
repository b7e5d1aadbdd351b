"""Weights times gradients with their signs: SNIP without the absolute value."""

from __future__ import annotations

import torch

from nas import PROXIES, Candidate, Proxy
from nas.batch import Batch
from nas.network.initialisation import Init
from proxies._gradients import total, weights_and_gradients


@PROXIES.register("plain")
class Plain(Proxy):
    """Sum of the weights times their gradients, positive and negative, after one backward pass.

        plain = Σ W ∂L/∂W over convolutions and linear layers,   higher is better,

    where L is the mean cross entropy of the batch. Source: zero-cost-nas (Abdelfattah et al. 2021,
    arXiv:2101.08134). Scaling a layer before a norm hardly changes the loss, so its part is 0 up
    to the norm's eps, and only the layers without a norm remain: the formula makes a weak
    baseline. Only weights count, no biases and no norms' scales; norms use the statistics of the
    batch. Option: `init`, how weights are drawn.
    """

    def __init__(self, init: Init = "default") -> None:
        self.init = init

    def score(self, candidate: Candidate, batch: Batch) -> float:
        """The sum over the layers."""
        pairs = weights_and_gradients(candidate.model(self.init), batch)
        return total(torch.dot(weight.flatten(), slope.flatten()) for weight, slope in pairs)
