"""The norms of the random weights: a proxy that depends on the sizes of layers only."""

from __future__ import annotations

from torch.linalg import vector_norm

from nas import PROXIES, Candidate, Proxy
from nas.batch import Batch
from nas.network.initialisation import Init
from proxies._gradients import layers, total
from proxies._models import lent


@PROXIES.register("l2_norm")
class L2Norm(Proxy):
    """Sum of the weights' norms, before any training; a baseline that uses no data at all.

        l2_norm = Σ ‖W‖₂ over convolutions and linear layers,   higher is better.

    Source: zero-cost-nas (Abdelfattah et al. 2021, arXiv:2101.08134). Only weights count, no
    biases and no norms' scales. The connections do not matter, so every architecture has a score.
    Option: `init`, how weights are drawn.
    """

    faster_on_cpu = True

    def __init__(self, init: Init = "default") -> None:
        self.init = init

    def score(self, candidate: Candidate, batch: Batch) -> float:
        """The sum over the layers."""
        with lent(candidate, self.init) as model:
            return total(vector_norm(layer.weight.detach()) for layer in layers(model))
