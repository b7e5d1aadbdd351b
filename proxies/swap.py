"""SWAP: how many patterns of samples activate the ReLU units of a network."""

from __future__ import annotations

from math import ceil, exp

import torch
from torch import Tensor, nn

from nas import PROXIES, Candidate, Proxy
from nas.batch import Batch
from nas.network.initialisation import Init
from proxies._activations import each_relu

BITS = 24
"""Number of bits that a float32 holds exactly."""


@PROXIES.register("swap")
class SWAP(Proxy):
    """Number of sample-wise activation patterns (SWAP-Score, Peng et al. 2024).

    A unit's pattern says for which of the first `samples` samples of the batch its ReLU's output
    is positive;

        swap = number of distinct patterns among all units,   higher is better,

    With `regularise` it is multiplied by exp(-(p - mu)² / sigma), where p is the number of
    parameters in thousands; so networks of about `mu` thousand parameters are preferred. Source:
    arXiv:2403.04161 and its reference code. The user chooses `mu` and `sigma`, as there, so they
    have no default; weights are drawn from N(0, 1). The reference watches only ReLU modules on
    feature maps; here every ReLU counts. It uses no labels and no gradients.
    """

    def __init__(
        self,
        samples: int = 16,
        regularise: bool = False,
        mu: float | None = None,
        sigma: float | None = None,
        init: Init = "normal",
    ) -> None:
        if samples < 1:
            raise ValueError(f"samples={samples} must be at least 1")
        if regularise and (mu is None or sigma is None or sigma <= 0):
            raise ValueError(
                f"regularise=true needs mu={mu} and sigma={sigma} in thousands of parameters, "
                "sigma over 0"
            )
        self.samples, self.regularise, self.init = samples, regularise, init
        self.mu, self.sigma = mu or 0.0, sigma or 1.0

    def score(self, candidate: Candidate, batch: Batch) -> float:
        """The number of patterns, regularised with `regularise=true`."""
        model = candidate.model(self.init)
        count = float(patterns(model, batch.inputs[: self.samples]))
        if not self.regularise:
            return count
        thousands = sum(parameter.numel() for parameter in model.parameters()) / 1e3
        return count * exp(-((thousands - self.mu) ** 2) / self.sigma)


@torch.no_grad()
def patterns(model: nn.Module, inputs: Tensor) -> int:
    """The number of distinct patterns of units, each written as numbers of `BITS` samples."""
    size = len(inputs)
    sample = torch.arange(size)
    bits = torch.zeros(ceil(size / BITS), size)
    bits[sample // BITS, sample] = 2.0 ** (sample % BITS)
    bits = bits.to(inputs.device)
    parts: list[Tensor] = []

    def visit(output: Tensor) -> None:
        parts.append(bits @ (output > 0).flatten(1).float())

    each_relu(model, inputs, visit, "swap")
    codes = torch.cat(parts, dim=1)
    # With one number a unit, the usual case, this is fifteen times as fast as comparing columns.
    distinct = torch.unique(codes[0]) if len(codes) == 1 else torch.unique(codes, dim=1)
    return int(distinct.shape[-1])
