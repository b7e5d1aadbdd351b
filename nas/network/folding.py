"""Weights that a layer computes from others in every pass, as parameters of their own."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import torch
from torch import Tensor, nn, norm_except_dim
from torch.nn.utils import parametrize, prune, remove_spectral_norm, remove_weight_norm
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm


def fold(model: nn.Module) -> None:
    """Replace weights that are computed, as by weight norm, by parameters with their values.

    So a proxy finds in `layer.weight` what the pass uses, and its gradient. Weights that were
    pruned stay 0 and have gradients of 0. The output of the model stays the same. Known are
    `torch.nn.utils.parametrize` and `prune`, and weight and spectral norm by hooks.
    """
    for part in list(model.modules()):
        if parametrize.is_parametrized(part):
            assert isinstance(part.parametrizations, nn.ModuleDict)
            for name in [*part.parametrizations]:
                parametrize.remove_parametrizations(part, name, leave_parametrized=True)
        for hook in [*part._forward_pre_hooks.values()]:
            if isinstance(hook, WeightNorm):
                remove_weight_norm(part, hook.name)
            elif isinstance(hook, SpectralNorm):
                remove_spectral_norm(part, hook.name)
            elif isinstance(hook, prune.BasePruningMethod):
                _made_permanent(part, hook._tensor_name)


@torch.no_grad()
def take_over(part: nn.Module) -> None:
    """Have the weights that a layer computes be those that it holds: they were drawn in place.

    For layers in `parametrize.cached()`, where a weight is the same tensor at every look. A
    computation that cannot be undone keeps its weights.
    """
    if parametrize.is_parametrized(part):
        assert isinstance(part.parametrizations, nn.ModuleDict)
        drawn = {name: getattr(part, name).clone() for name in part.parametrizations}
        for name, value in drawn.items():
            with suppress(Exception):  # it is of any author, and the meta device cannot do all
                setattr(part, name, value)
    for hook in part._forward_pre_hooks.values():
        if isinstance(hook, WeightNorm):
            weight: Tensor = getattr(part, hook.name)
            getattr(part, f"{hook.name}_v").copy_(weight)
            getattr(part, f"{hook.name}_g").copy_(norm_except_dim(weight, 2, hook.dim))
        elif isinstance(hook, SpectralNorm | prune.BasePruningMethod):
            name = hook.name if isinstance(hook, SpectralNorm) else hook._tensor_name
            getattr(part, f"{name}_orig").copy_(getattr(part, name))


def _made_permanent(part: nn.Module, name: str) -> None:
    mask: Tensor = getattr(part, f"{name}_mask").detach().clone()
    prune.remove(part, name)  # type: ignore[no-untyped-call]  # PyTorch's
    getattr(part, name).register_hook(_masking(mask))


def _masking(mask: Tensor) -> Callable[[Tensor], Tensor]:
    return lambda slope: slope * mask.to(slope)
