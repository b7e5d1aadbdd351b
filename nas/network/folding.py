"""Weights that a layer computes from others in every pass, as parameters of their own."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn
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


def _made_permanent(part: nn.Module, name: str) -> None:
    mask: Tensor = getattr(part, f"{name}_mask").detach().clone()
    prune.remove(part, name)  # type: ignore[no-untyped-call]
    getattr(part, name).register_hook(_masking(mask))


def _masking(mask: Tensor) -> Callable[[Tensor], Tensor]:
    return lambda slope: slope * mask.to(slope)
