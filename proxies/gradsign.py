"""GradSign: whether the examples pull each weight in the same direction."""

from __future__ import annotations

import torch

from nas import PROXIES, Candidate, NoScore, Proxy
from nas.batch import Batch
from nas.network.initialisation import Init
from proxies._batch_norm import freeze_batch_norms
from proxies._gradients import cross_entropy, first, gradients, total, weights


@PROXIES.register("gradsign")
class GradSign(Proxy):
    """Agreement of the signs of the examples' gradients (Zhang & Jia 2022).

        gradsign = Σ_w |Σ_n sign ∂L_n/∂w| over convolutions and linear layers,   higher is better,

    where L_n is the cross entropy of example n. Source: arXiv:2110.08616. As in its reference
    code, every example goes through the network alone, with one forward and one backward pass in
    training mode, so norms use the statistics of this one example (a norm with a single value per
    channel gives its shift). Only weights count, no biases and no norms' scales; the sign of a
    gradient that is 0 up to rounding is the sign of the rounding error. A cell that no gradient
    reaches scores 0. Options: `samples`, how many examples of the batch are used at most (the
    reference uses 128; the time grows with it); `init`, how weights are drawn.
    """

    def __init__(self, samples: int = 16, init: Init = "default") -> None:
        if samples < 2:
            raise ValueError(f"samples={samples} must be at least 2")
        self.samples = samples
        self.init = init

    def score(self, candidate: Candidate, batch: Batch) -> float:
        """The sum over the weights."""
        model = candidate.model(self.init)
        freeze_batch_norms(model, once=True)
        parameters = weights(model)
        batch = first(batch, self.samples)
        signs = [torch.zeros_like(parameter) for parameter in parameters]
        for example in range(len(batch.inputs)):
            loss = cross_entropy(model, batch, slice(example, example + 1))
            if not loss.isfinite():  # the sign of NaN is 0
                return NoScore("not finite")
            for sign, slope in zip(signs, gradients(loss, parameters), strict=True):
                sign += slope.sign()
        return total(sign.abs().sum(dtype=torch.float64) for sign in signs)
