"""The number of layers with weights: a baseline that sees nothing of their sizes."""

from __future__ import annotations

from nas import PROXIES, Candidate, Proxy
from nas.batch import Batch
from nas.metrics.counts import depth


@PROXIES.register("depth")
class Depth(Proxy):
    """Number of trainable layers: convolutions, linear layers, norms.

        depth = number of layers that have a trainable parameter of their own,   more is better.

    They are counted from the network's layers, or from the modules if the space gives modules
    only; no weight is allocated. A norm without scale and shift does not count; a layer on which
    the output does not depend does. Source: the baseline "number of parameter tensors" of VKDNW
    (Tybl & Neumann 2025, arXiv:2502.04975; ρ .767, .787, .764 on the distinct cells of
    NAS-Bench-201). If every convolution has one tensor and every norm two, as there, both counts
    rank alike; where some convolutions have a bias, tensors also count the biases.
    """

    faster_on_cpu = True

    def score(self, candidate: Candidate, batch: Batch) -> float:
        """The number of the candidate's trainable layers; the batch is not used."""
        return float(depth(candidate))
