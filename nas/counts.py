"""How large a candidate is: parameters and FLOPs, from its layers or from its module."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nas.proxy import Candidate

if TYPE_CHECKING:
    from nas.batch import Batch


def counts(candidate: Candidate, batch: Batch) -> dict[str, float]:
    """Parameters, and FLOPs by `nas.network.FLOPS_RULE`; weights are never allocated."""
    if candidate.network is not None:
        return {"params": candidate.network.params, "flops": candidate.network.flops}
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    model = candidate.skeleton()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(batch.inputs[:1].to("meta"))
    params = sum(parameter.numel() for parameter in model.parameters())
    return {"params": params, "flops": counter.get_total_flops() // 2}
