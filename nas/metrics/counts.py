"""How large a candidate is: parameters and FLOPs, from its layers or from its module."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nas.candidate import Candidate

if TYPE_CHECKING:
    from nas.batch import Batch


def counts(candidate: Candidate, batch: Batch) -> dict[str, float]:
    """Trainable parameters, and FLOPs by `nas.network.FLOPS_RULE`; no weights are allocated."""
    if candidate.network is not None:
        return {"params": candidate.network.params, "flops": candidate.network.flops}
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    model = candidate.skeleton()
    params = sum(p.numel() for p in model.parameters() if p.requires_grad)
    flops = candidate.space.flops(candidate.arch)
    if flops is None:
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            model(batch.inputs[:1].to("meta"))
        flops = counter.get_total_flops() // 2
    return {"params": params, "flops": flops}
