"""GraSP: what removing weights would do to the gradient's norm, to first order."""

from __future__ import annotations

import torch

from nas import PROXIES, Candidate, Proxy
from nas.batch import Batch
from nas.network.initialisation import Init
from proxies._batch_norm import freeze_batch_norms
from proxies._gradients import (
    Precision,
    cross_entropy,
    gradients,
    in_precision,
    total,
    weights,
)


@PROXIES.register("grasp")
class Grasp(Proxy):
    """Weights times the Hessian times the gradient, negated (Wang et al. 2020).

        grasp = -Σ W · (H g) over convolutions and linear layers,   higher is better,

    with g = ∂L/∂W and H g the gradient of g · (g held fixed), L the mean cross entropy of the
    batch. Source: arXiv:2002.07376, as a score of networks zero-cost-nas (Abdelfattah et al. 2021,
    arXiv:2101.08134), whose sign and temperature (1, the paper: 200) count here. That code
    computes g twice; here one forward pass, one gradient that can be differentiated again and one
    gradient of it. Only weights count, no biases and no norms' scales; norms use the statistics of
    the batch. A cell that no gradient reaches scores 0. Options: `init`, how weights are drawn;
    `dtype`, in which it is computed: float32 differs by up to 0.5 % between two devices.
    """

    def __init__(self, init: Init = "default", dtype: Precision = "float32") -> None:
        self.init, self.dtype = init, dtype

    def score(self, candidate: Candidate, batch: Batch) -> float:
        """The sum over the layers."""
        model, batch = in_precision(candidate.model(self.init), batch, self.dtype)
        freeze_batch_norms(model)
        parameters = weights(model)
        slopes = gradients(cross_entropy(model, batch), parameters, graph=True)
        with torch.enable_grad():
            square = torch.stack([(slope * slope.detach()).sum() for slope in slopes]).sum()
        products = gradients(square, parameters)
        pairs = zip(parameters, products, strict=True)
        return total(-torch.dot(w.detach().flatten(), hg.flatten()) for w, hg in pairs)
