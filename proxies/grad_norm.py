"""The norms of the gradients of a loss on one batch."""

from __future__ import annotations

from collections.abc import Sequence

from torch.linalg import vector_norm

from nas import PROXIES, Candidate
from nas.batch import Batch
from nas.network.initialisation import Init
from proxies._gradients import total
from proxies._passes import Looking, Pass, Slopes, seen


@PROXIES.register("grad_norm")
class GradNorm(Looking):
    """Sum of the norms of the weights' gradients after one backward pass.

        grad_norm = Σ ‖∂L/∂W‖₂ over convolutions and linear layers,   higher is better,

    where L is the mean cross entropy of the batch. Source: zero-cost-nas (Abdelfattah et al. 2021,
    arXiv:2101.08134). Only weights count, no biases and no norms' scales; norms use the statistics
    of the batch. A cell that no gradient reaches scores 0. Option: `init`, how weights are drawn.
    """

    def __init__(self, init: Init = "default") -> None:
        self.init = init

    def looks(self, batch: Batch) -> Sequence[Slopes]:
        """The gradients of the loss."""
        return [Slopes(Pass(self.init), "grad_norm")]

    def score(self, candidate: Candidate, batch: Batch) -> float:
        """The sum over the layers."""
        (look,) = self.looks(batch)
        pairs = seen(candidate, batch, look)
        return total(vector_norm(slope) for _, slope in pairs)
