"""GraSP: how much the removal of weights would change the gradient's norm, to first order."""

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
from proxies._pools import smooth_pools


@PROXIES.register("grasp")
class Grasp(Proxy):
    """Weights times the Hessian times the gradient, negated (Wang et al. 2020).

        grasp = -Σ W · (H g) over convolutions and linear layers,   higher is better,

    where g = ∂L/∂W, H g is the gradient of g · (g held fixed), and L is the mean cross entropy of
    the batch. Source: arXiv:2002.07376; zero-cost-nas (Abdelfattah et al. 2021, arXiv:2101.08134)
    makes it a score of networks. Sign and temperature are those of zero-cost-nas (1; the paper
    has 200). Its code computes g twice; here one forward pass and two backward passes are enough.
    Only weights count, no biases and no norms' scales; norms use the statistics of the batch. A
    cell that no gradient reaches scores 0. Options: `init`, how weights are drawn;
    `dtype`: with float32 the score differs by up to 0.5 % between two devices.
    """

    def __init__(self, init: Init = "default", dtype: Precision = "float32") -> None:
        self.init, self.dtype = init, dtype

    def score(self, candidate: Candidate, batch: Batch) -> float:
        """The sum over the layers."""
        model, batch = in_precision(candidate.model(self.init), batch, self.dtype)
        freeze_batch_norms(model)
        smooth_pools(model)
        parameters = weights(model)
        slopes = gradients(cross_entropy(model, batch), parameters, graph=True)
        with torch.enable_grad():
            square = torch.stack([(slope * slope.detach()).sum() for slope in slopes]).sum()
        products = gradients(square, parameters)
        pairs = zip(parameters, products, strict=True)
        return total(-torch.dot(w.detach().flatten(), hg.flatten()) for w, hg in pairs)
