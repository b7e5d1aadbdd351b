"""The number of parameters: a baseline that every table must show."""

from __future__ import annotations

from nas import PROXIES, Candidate, Proxy
from nas.batch import Batch
from nas.metrics.counts import params


@PROXIES.register("params")
class Params(Proxy):
    """Number of trainable parameters, with the macro sizes of the space as it is configured.

        params = sum of the sizes of all parameters,   more is better.

    They are counted from the layers, or from the module's shapes if the space gives modules only;
    no weight is allocated. Convolutions, linear layers and norms count with their biases; layers
    on which the output does not depend count with `live=false` alone, as in published tables.
    """

    faster_on_cpu = True

    def score(self, candidate: Candidate, batch: Batch) -> float:
        """The number of the candidate's parameters; the batch is not used."""
        return float(params(candidate))
