"""The condition number of the neural tangent kernel."""

from __future__ import annotations

import torch

from nas import PROXIES, Candidate, NoScore, NotApplicableError, Proxy
from nas.batch import Batch
from nas.network.initialisation import Init
from proxies._gradients import first, gradients


@PROXIES.register("ntk")
class NTK(Proxy):
    """Negative condition number of the neural tangent kernel (TE-NAS, Chen et al. 2021).

        ntk = -λ_max / λ_min of K,  K_nm = ∂f_n/∂θ · ∂f_m/∂θ,   higher is better,

    where f_n is the sum of example n's outputs. In the paper a lower condition number is better,
    so the score is its negative. Source: arXiv:2102.11535 and its reference code: θ are all
    parameters with "weight" in their names, including scales of norms but not biases; norms use
    the statistics of the batch, so f_n depends on the other examples. If the kernel's smallest
    eigenvalue is not larger than the rounding error of the largest, there is no score. Options:
    `samples`, how many examples of the batch are used at most (one backward pass each); `init`,
    how weights are drawn.
    """

    def __init__(self, samples: int = 16, init: Init = "default") -> None:
        if samples < 2:
            raise ValueError(f"samples={samples} must be at least 2")
        self.samples = samples
        self.init = init

    def score(self, candidate: Candidate, batch: Batch) -> float:
        """The negative condition number; a `NoScore` for a singular kernel."""
        model = candidate.model(self.init)
        for name, parameter in model.named_parameters():
            parameter.requires_grad_("weight" in name)
        parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
        if not parameters:
            raise NotApplicableError("ntk needs parameters named weight, and the model has none")
        with torch.enable_grad():
            outputs = model(first(batch, self.samples).inputs).flatten(1).sum(1)
            rows = [gradients(output, parameters, keep=True) for output in outputs.unbind()]
        kernel = outputs.new_zeros(len(rows), len(rows)).detach()
        for slopes in zip(*rows, strict=True):
            flat = torch.stack(slopes).flatten(1)
            kernel += flat @ flat.T
        if not kernel.isfinite().all():
            return NoScore("not finite")
        eigenvalues = torch.linalg.eigvalsh(kernel.double())
        least, most = float(eigenvalues[0]), float(eigenvalues[-1])
        if least <= most * len(rows) * torch.finfo(kernel.dtype).eps:
            return NoScore("singular kernel")
        return -most / least
