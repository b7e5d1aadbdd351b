"""SynFlow: how much signal flows through the weights, independent of data."""

from __future__ import annotations

from math import isnan, log

from nas import PROXIES, Candidate, NoScore, Proxy
from nas.batch import Batch
from nas.network.initialisation import Init
from proxies._gradients import total
from proxies._synaptic_flow import weights_and_slopes


@PROXIES.register("synflow")
class SynFlow(Proxy):
    """Logarithm of the synaptic flow through positive weights (Tanaka et al. 2020).

    Every parameter is replaced by its absolute value, every norm by the identity, and the input by
    one example of ones. R is the sum of the outputs:

        synflow = log Σ |W ∂R/∂W| over convolutions and linear layers,   higher is better.

    Source: arXiv:2006.05467; zero-cost-nas (Abdelfattah et al. 2021, arXiv:2101.08134) makes it a
    score of networks and reports the sum. The sum spans tens of orders of magnitude, so it is
    computed in float64, and the score is its natural logarithm, which ranks the same. If nothing
    flows, there is no score. Only weights are summed; biases contribute to R. The batch only gives
    the shape of an example. Option: `init`, how weights are drawn.
    """

    def __init__(self, init: Init = "default") -> None:
        self.init = init

    def score(self, candidate: Candidate, batch: Batch) -> float:
        """The logarithm of the sum over the layers; a `NoScore` if nothing flows."""
        model = candidate.model(self.init)
        pairs = weights_and_slopes(model, batch)
        score = total((weight * slope).abs().sum() for weight, slope in pairs)
        if score == 0:
            return NoScore("no flow")
        return score if isnan(score) else log(score)
