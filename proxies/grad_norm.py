"""The norms of the gradients of a loss on one batch."""

from __future__ import annotations

from torch.linalg import vector_norm

from nas import PROXIES, Candidate, Proxy
from nas.batch import Batch
from nas.network.initialisation import Init
from proxies._gradients import total, weights_and_gradients


@PROXIES.register("grad_norm")
class GradNorm(Proxy):
    """Sum of the norms of the weights' gradients after one backward pass.

        grad_norm = Σ ‖∂L/∂W‖₂ over convolutions and linear layers,   higher is better,

    where L is the mean cross entropy of the batch. Source: zero-cost-nas (Abdelfattah et al. 2021,
    arXiv:2101.08134). Only weights count, no biases and no norms' scales; norms use the statistics
    of the batch. A cell that no gradient reaches scores 0. Option: `init`, how weights are drawn.
    """

    def __init__(self, init: Init = "default") -> None:
        self.init = init

    def score(self, candidate: Candidate, batch: Batch) -> float:
        """The sum over the layers."""
        pairs = weights_and_gradients(candidate.model(self.init), batch)
        return total(vector_norm(slope) for _, slope in pairs)
