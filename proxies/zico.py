"""ZiCo: gradients that are large and agree from batch to batch."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor

from nas import PROXIES, Candidate, NoScore, Proxy, UsageError
from nas.batch import Batch
from nas.network.initialisation import Init
from proxies._gradients import cross_entropy, gradients, total, weights


@PROXIES.register("zico")
class ZiCo(Proxy):
    """Inverse coefficient of variation of the gradients over a few batches (Li et al. 2023).

        zico = Σ_layers log Σ_w mean|g_w| / std g_w,   higher is better,

    where g are the gradients of the mean cross entropy of each of `parts` equal parts of the
    batch, one backward pass each; mean and population standard deviation are over the parts.
    Source: arXiv:2301.11300 and its reference code. Weights whose gradient does not vary are left
    out, and so are layers without other weights; if nothing is left, there is no score. Only the
    weights of convolutions and linear layers count, no biases and no norms' scales; norms use the
    statistics of their part. Options: `parts`; `init`, how weights are drawn.
    """

    def __init__(self, parts: int = 2, init: Init = "default") -> None:
        if parts < 2:
            raise ValueError(f"parts={parts} must be at least 2")
        self.parts = parts
        self.init = init

    def score(self, candidate: Candidate, batch: Batch) -> float:
        """The sum over the layers."""
        size = len(batch.inputs)
        if size < 2 * self.parts:
            raise UsageError(
                f"zico with parts={self.parts} needs a batch of {2 * self.parts} or more, "
                f"this one has {size}"
            )
        model = candidate.model(self.init)
        parameters = weights(model)
        cuts = [size * part // self.parts for part in range(self.parts + 1)]
        slopes = [
            gradients(cross_entropy(model, batch, slice(start, stop)), parameters)
            for start, stop in pairwise(cuts)
        ]
        sums = [consistency(torch.stack(layer)) for layer in zip(*slopes, strict=True)]
        varying = [part.log() for part in sums if part != 0]
        return total(varying) if varying else NoScore("no gradient varies")


def consistency(slopes: Tensor) -> Tensor:
    """Σ_w mean|g_w| / std g_w of one layer's gradients (parts, …); 0 if none varies."""
    spread = (slopes - slopes.mean(0)).square_().mean(0).sqrt_()
    return torch.where(spread != 0, slopes.abs().mean(0).div_(spread), 0).sum()
