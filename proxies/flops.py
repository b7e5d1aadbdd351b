"""The number of multiply-adds: a baseline that every table must show."""

from __future__ import annotations

from nas import PROXIES, Candidate, Proxy
from nas.batch import Batch
from nas.metrics.counts import flops


@PROXIES.register("flops")
class Flops(Proxy):
    """Multiply-adds for one example (`FLOPS_RULE`): convolutions, linear layers, attention.

        flops = sum over these layers of (outputs) * (inputs of each),   more is better.

    They are counted from the layers, or by running the module on the meta device if the space
    gives modules only; no weight is allocated. This is also AZ-NAS's complexity
    (arXiv:2403.19232).
    """

    faster_on_cpu = True

    def score(self, candidate: Candidate, batch: Batch) -> float:
        """The candidate's multiply-adds; only the shape of an example of the batch is used."""
        return float(flops(candidate, batch))
