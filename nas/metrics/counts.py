"""How large a candidate is: parameters and FLOPs, from its layers or from its module."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nas.candidate import Candidate
from nas.metric import METRICS, Metric
from nas.network import FLOPS_RULE

if TYPE_CHECKING:
    from nas.batch import Batch


@METRICS.register("params")
class Params(Metric):
    """Number of trainable parameters, including layers that do not reach the output."""

    def measure(self, candidate: Candidate, batch: Batch) -> float:
        """The number of parameters; the batch is not used."""
        return counts(candidate, batch)[0]


@METRICS.register("flops")
class Flops(Metric):
    """Multiply-adds of convolutions and linear layers, for one example."""

    unit = FLOPS_RULE
    title = "FLOPs"
    width = 14

    def measure(self, candidate: Candidate, batch: Batch) -> float:
        """The number of multiply-adds for an example of the batch's shape."""
        return counts(candidate, batch)[1]


def counts(candidate: Candidate, batch: Batch) -> tuple[int, int]:
    """Trainable parameters, and FLOPs by `nas.network.FLOPS_RULE`; no weights are allocated.

    Both are counted at the first call; the candidate keeps them.
    """
    if "counts" not in candidate.memo:
        candidate.memo["counts"] = _counted(candidate, batch)
    found: tuple[int, int] = candidate.memo["counts"]
    return found


def _counted(candidate: Candidate, batch: Batch) -> tuple[int, int]:
    if candidate.network is not None:
        return candidate.network.params, candidate.network.flops
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    model = candidate.skeleton()
    params = sum(p.numel() for p in model.parameters() if p.requires_grad)
    flops = candidate.space.flops(candidate.arch)
    if flops is None:
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            model(batch.inputs[:1].to("meta"))
        flops = counter.get_total_flops() // 2
    return params, flops
