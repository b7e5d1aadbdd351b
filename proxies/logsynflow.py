"""LogSynFlow: synaptic flow whose gradients count with their logarithm."""

from __future__ import annotations

from nas import PROXIES, Candidate, Proxy
from nas.batch import Batch
from nas.network.initialisation import Init
from proxies._gradients import total
from proxies._synaptic_flow import weights_and_slopes


@PROXIES.register("logsynflow")
class LogSynFlow(Proxy):
    """Synaptic flow with logarithms of the gradients (FreeREA, Cavagnero et al. 2023).

    In the setting of `synflow` (absolute parameters, norms replaced by the identity, one example
    of ones, float64), with R the sum of the outputs:

        logsynflow = Σ |W log(1 + |∂R/∂W|)| over convolutions and linear layers,
        higher is better.

    Source: arXiv:2207.05135 and its reference code. The logarithm keeps the sum in the range of
    ordinary numbers, so the score is the sum itself, as published, and not its logarithm as for
    `synflow`; FreeREA divides it by the largest sum of a set. If nothing flows, the score is 0.
    Where every operation keeps the sign, gradients are at least 0 and |∂R/∂W| is ∂R/∂W; with
    attention they can be negative, and the published log(1 + ∂R/∂W) would not exist. The batch
    only gives the shape of an example. Option: `init`, how weights are drawn; the reference draws
    Kaiming's, by fan-out, and takes the mean of three draws.
    """

    def __init__(self, init: Init = "default") -> None:
        self.init = init

    def score(self, candidate: Candidate, batch: Batch) -> float:
        """The sum over the layers; a `NoScore` if it is not finite."""
        pairs = weights_and_slopes(candidate.model(self.init), batch)
        return total((weight * slope.abs().log1p()).sum() for weight, slope in pairs)
