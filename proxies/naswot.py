"""NASWOT: how differently a network's ReLUs react to the samples of a batch."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nas import PROXIES, Candidate, NoScore, Proxy
from nas.batch import Batch
from nas.network.initialisation import Init
from proxies._activations import each_relu, units_of

EXACT = 2**24
"""Counts up to here are exact in float32."""


@PROXIES.register("naswot")
class NASWOT(Proxy):
    """Log-determinant of how many ReLUs two samples agree on (Mellor et al. 2021).

    c are the samples' 0/1 codes at a ReLU, 1 where its input is positive:

        naswot = log |det K|,   K = sum over ReLUs of c cᵀ + (1 - c)(1 - c)ᵀ,

    where K counts the units on which two samples agree; higher is better. Source: arXiv:2006.04647
    and its reference code. As there, weights have PyTorch's default initialisation, and norms use
    the batch's statistics. It uses no labels and no gradients.

    K is a count, so it is exact on every device. If it is singular (two samples have the same
    code, or there are more samples than dimensions of the codes), there is no score; the reference
    gets minus infinity or a rounding error.
    """

    def __init__(self, init: Init = "default") -> None:
        self.init = init

    def score(self, candidate: Candidate, batch: Batch) -> float:
        """The log-determinant on the batch."""
        values = torch.linalg.eigvalsh(agreement(candidate.model(self.init), batch.inputs))
        if values[0] <= len(values) * torch.finfo(values.dtype).eps * values[-1]:
            return NoScore("singular kernel: the samples' codes do not differ enough")
        return float(values.log().sum())


@torch.no_grad()
def agreement(model: nn.Module, inputs: Tensor) -> Tensor:
    """K in float64: the number of ReLU units on which two samples agree.

    This needs one matrix product for each ReLU: c cᵀ counts where both are 1. The units where both
    are 0 are all units except those where at least one is 1.
    """
    size, units = len(inputs), 0
    both = torch.zeros(size, size, dtype=torch.float64, device=inputs.device)

    def visit(output: Tensor) -> None:
        nonlocal units
        codes = units_of(output > 0).float()
        for first in range(0, codes.shape[1], EXACT):
            part = codes[:, first : first + EXACT]
            both.add_(part @ part.T)
        units += codes.shape[1]

    each_relu(model, inputs, visit, "naswot")
    ones = both.diagonal()
    return units - ones[:, None] - ones[None, :] + 2 * both
