"""SWAP: how many patterns of samples activate the ReLU units of a network."""

from __future__ import annotations

from math import ceil, exp
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from nas import PROXIES, Candidate, Proxy
from nas.batch import Batch
from nas.network.initialisation import Init
from proxies._activations import each_relu, positive, units_of
from proxies._models import lent

Activations = Literal["relu", "universal"]

BITS = 24
"""Number of bits that a float32 holds exactly."""

TABLE = 2**22
"""How many different numbers are counted in a table."""

TRITS = 33
"""Number of digits of base 3 that a float64 holds exactly."""


@PROXIES.register("swap")
class SWAP(Proxy):
    """Number of sample-wise activation patterns (SWAP-Score, Peng et al. 2024).

    A unit's pattern says for which of the first `samples` samples of the batch its ReLU's output
    is positive;

        swap = number of distinct patterns among all units,   higher is better,

    With `activations=universal` (Peng et al. 2026, arXiv:2605.07378) GELUs and SiLUs have units,
    too, and a pattern consists of the signs -1, 0 and 1; where all are ReLUs it is the same count.

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
        activations: Activations = "relu",
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
        self.activations = activations
        self.mu, self.sigma = mu or 0.0, sigma or 1.0

    def score(self, candidate: Candidate, batch: Batch) -> float:
        """The number of patterns, regularised with `regularise=true`."""
        with lent(candidate, self.init) as model:
            count = float(patterns(model, batch.inputs[: self.samples], self.activations))
        if not self.regularise:
            return count
        thousands = sum(parameter.numel() for parameter in model.parameters()) / 1e3
        return count * exp(-((thousands - self.mu) ** 2) / self.sigma)


@torch.no_grad()
def patterns(model: nn.Module, inputs: Tensor, activations: Activations = "relu") -> int:
    """The number of distinct patterns of the model's units on the inputs."""
    parts: list[Tensor] = []
    smooth = activations == "universal"
    digits = signs if smooth else positives
    each_relu(model, inputs, lambda output: parts.append(digits(output)), "swap", smooth=smooth)
    return distinct(parts)


def positives(output: Tensor) -> Tensor:
    """Every unit's pattern (numbers, units): each number has `BITS` samples, 1 where positive."""
    worth = places(len(output), 2, BITS).float().to(output.device)
    # a byte becomes a float in a third of the time that a truth value does
    return worth @ positive(units_of(output)).view(torch.uint8).float()


def signs(output: Tensor) -> Tensor:
    """Every unit's pattern (numbers, units): each number has the signs of `TRITS` samples."""
    worth = places(len(output), 3, TRITS).to(output.device)
    codes = (output > 0).double() - (output < 0).double()  # NaN has 0, and not a code of its own
    return worth @ units_of(codes)


def places(size: int, base: int, count: int) -> Tensor:
    """What each sample's digit is worth in each number, (numbers, samples) in float64."""
    sample = torch.arange(size)
    worth = torch.zeros(ceil(size / count), size, dtype=torch.float64)
    worth[sample // count, sample] = float(base) ** (sample % count).double()
    return worth


def distinct(parts: list[Tensor]) -> int:
    """The number of distinct patterns among the parts' units."""
    codes = torch.cat(parts, dim=1)
    if len(codes) > 1:
        return int(torch.unique(codes, dim=1).shape[1])
    # with one number a unit, the usual case, this is fifteen times as fast as comparing columns
    least, most = codes[0].aminmax()
    if codes.device.type != "cpu" or most - least >= TABLE:
        return int(torch.unique(codes[0]).numel())
    # and a table of all numbers is twenty times as fast as sorting them
    table = np.zeros(int(most - least) + 1, dtype=np.bool_)
    table[(codes[0] - least).numpy().astype(np.int64)] = True
    return int(table.sum())
