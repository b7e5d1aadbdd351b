"""The number of parameters: a baseline that every table must show."""

from __future__ import annotations

from nas import PROXIES, Candidate, Proxy
from nas.batch import Batch
from nas.metrics.counts import counts


@PROXIES.register("params")
class Params(Proxy):
    """Number of trainable parameters, with the macro sizes of the space as it is configured.

        params = sum of the sizes of all parameters,   more is better.

    Counted from the layers, or from the module's shapes where the space gives modules only; no
    weight is allocated. Convolutions, linear layers and norms with their biases count, layers
    that the output does not depend on included.
    """

    faster_on_cpu = True

    def score(self, candidate: Candidate, batch: Batch) -> float:
        """The candidate's parameters; the batch matters for nothing."""
        return float(counts(candidate, batch)[0])
