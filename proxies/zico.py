"""ZiCo: gradients that are large and agree from batch to batch."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from nas import PROXIES, Candidate, NoScore, UsageError
from nas.batch import Batch
from nas.network.initialisation import Init
from proxies._gradients import total
from proxies._passes import Looking, Slopes, seen, slopes_of_parts


@PROXIES.register("zico")
class ZiCo(Looking):
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

    def looks(self, batch: Batch) -> Sequence[Slopes]:
        """The gradients of the parts' losses."""
        return slopes_of_parts(batch, self.parts, self.init, "zico")

    def score(self, candidate: Candidate, batch: Batch) -> float:
        """The sum over the layers."""
        size = len(batch.inputs)
        if size < 2 * self.parts:
            raise UsageError(
                f"zico with parts={self.parts} needs a batch of {2 * self.parts} or more, "
                f"this one has {size}"
            )
        parts = [seen(candidate, batch, look) for look in self.looks(batch)]
        slopes = [[slope for _, slope in part] for part in parts]
        sums = [consistency(torch.stack(layer)) for layer in zip(*slopes, strict=True)]
        varying = [part.log() for part in sums if part != 0]
        return total(varying) if varying else NoScore("no gradient varies")


def consistency(slopes: Tensor) -> Tensor:
    """Σ_w mean|g_w| / std g_w of one layer's gradients (parts, …); 0 if none varies."""
    spread = (slopes - slopes.mean(0)).square_().mean(0).sqrt_()
    return torch.where(spread != 0, slopes.abs().mean(0).div_(spread), 0).sum()
