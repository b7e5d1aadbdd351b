"""How large a candidate is: parameters and FLOPs, from its layers or from its module."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nas.candidate import Candidate
from nas.metric import METRICS, Metric
from nas.network import FLOPS_RULE

if TYPE_CHECKING:
    from torch import Tensor, nn

    from nas.batch import Batch


@METRICS.register("params")
class Params(Metric):
    """Number of trainable parameters; with `live`, of the layers that can change the output."""

    def measure(self, candidate: Candidate, batch: Batch) -> float:
        """The number of parameters; the batch does not matter."""
        return params(candidate)


@METRICS.register("flops")
class Flops(Metric):
    """Multiply-adds of convolutions and linear layers, for one example."""

    unit = FLOPS_RULE
    title = "FLOPs"
    width = 14

    def measure(self, candidate: Candidate, batch: Batch) -> float:
        """The number of multiply-adds for one example of the batch's shape."""
        return flops(candidate, batch)


def params(candidate: Candidate) -> int:
    """Number of trainable parameters; this allocates no weights."""
    if candidate.network is not None:
        return candidate.network.params
    return sum(p.numel() for p in _skeleton(candidate).parameters() if p.requires_grad)


def depth(candidate: Candidate) -> int:
    """Number of layers that have a trainable parameter of their own; this allocates no weights."""
    if candidate.network is not None:
        return sum(layer.op.params() > 0 for layer in candidate.network.layers)
    return sum(
        any(parameter.requires_grad for parameter in part.parameters(recurse=False))
        for part in _skeleton(candidate).modules()
    )


def flops(candidate: Candidate, batch: Batch) -> int:
    """FLOPs for one example by `nas.network.FLOPS_RULE`; this allocates no weights if it can.

    It is the pass of a network in use, in evaluation mode. A module that reads its numbers cannot
    run without them: it runs with its weights.
    """
    if candidate.network is not None:
        return candidate.network.flops
    known = candidate.space.flops(candidate.arch)
    if known is not None:
        return known
    try:
        return _counted(_skeleton(candidate), batch, "meta")
    except Exception:  # the module reads its numbers; a mistake of its own comes again
        return _counted(candidate.model(as_built=True), batch, candidate.device)


def _skeleton(candidate: Candidate) -> nn.Module:
    """The module with shapes only, made once for a candidate."""
    if "skeleton" not in candidate.memo:
        candidate.memo["skeleton"] = candidate.skeleton()
    skeleton: nn.Module = candidate.memo["skeleton"]
    return skeleton


def _counted(model: nn.Module, batch: Batch, device: str) -> int:
    """FLOPs of an example alone; of two and then halved, if a norm cannot do with one."""
    model.eval()
    inputs = batch.inputs[:2].to(device)
    try:
        return _passed(model, inputs[:1])
    except ValueError:
        if len(inputs) < 2:
            raise
        return _passed(model, inputs) // 2


def _passed(model: nn.Module, inputs: Tensor) -> int:
    """FLOPs of a pass."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(inputs)
    return int(counter.get_total_flops()) // 2
